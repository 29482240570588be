import { Asked } from '../run/asked.svelte';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import { LEAST_LOGITS, type Link, linksAt, rowAt } from './links';

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'connections'> };
  readonly focus: { readonly opened: HeadPlace | null };
  readonly playback: { readonly step: number | null };
}

/** Who feeds the opened head, and whom it feeds, at the shown step. */
export class Connections implements Feature {
  private readonly answer: Asked<ConnectionsQuery, HeadConnections>;

  constructor(private readonly session: Needs) {
    this.answer = new Asked(
      () => this.question,
      (query, signal) => session.data.source.connections(query, signal),
    );
  }

  /** Another one whenever there is more of the run. */
  private readonly question: ConnectionsQuery | null = $derived.by(() => {
    const { run } = this.session.data;
    const { opened } = this.session.focus;
    if (!run || run.error !== null || run.steps.length === 0 || !opened) return null;
    return { run: run.run, layer: opened.layer, head: opened.head };
  });
  private readonly known: HeadConnections | null = $derived.by(() => this.answer.value);
  /** Whether the shown run recorded any. The last answer tells it for all heads: nothing jumps from one to the next. */
  readonly recorded: boolean = $derived.by(() => {
    const { last } = this.answer;
    return last?.question.run === this.session.data.run?.run && (last?.answer.steps.length ?? 0) > 0;
  });
  /** The step that the links are of, which may lie before the shown one; null where they are of none. */
  readonly at: number | null = $derived.by(() => {
    const { step } = this.session.playback;
    return this.known && step !== null ? (this.known.steps[rowAt(this.known.steps, step)] ?? null) : null;
  });
  /** The strongest first. */
  readonly links: readonly Link[] = $derived.by(() => {
    const { step } = this.session.playback;
    return this.known && step !== null ? linksAt(this.known, step) : [];
  });

  /** The largest contribution at any step, in logits a query, by which links are wide at all of them. */
  readonly most: number = $derived(
    Math.max(
      LEAST_LOGITS,
      ...[...(this.known?.fed_by ?? []), ...(this.known?.feeds ?? [])].flatMap(({ contributions }) =>
        contributions.map((value) => value ?? 0),
      ),
    ),
  );

  get error(): string | null {
    return this.answer.error;
  }

  get busy(): boolean {
    return this.answer.loading;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.answer.follow());
  }

  forget(): void {
    this.answer.forget();
  }

  leave(): void {
    this.answer.clear();
  }
}
