import { untrack } from 'svelte';
import type { HeadConnections } from '../run/connections';
import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import { Latest } from '../run/latest.svelte';
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
  private readonly answer = new Latest<HeadConnections>();

  constructor(private readonly session: Needs) {}

  private readonly known: HeadConnections | null = $derived.by(() => {
    const { data, focus } = this.session;
    const { value } = this.answer;
    const { opened } = focus;
    const current =
      value && value.run === data.run?.run && value.layer === opened?.layer && value.head === opened.head;
    return current ? value : null;
  });
  /** Whether the shown run recorded any. The last answer tells it for all heads: nothing jumps from one to the next. */
  readonly recorded: boolean = $derived.by(() => {
    const { value } = this.answer;
    return value !== null && value.run === this.session.data.run?.run && value.steps.length > 0;
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
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.answer.clear();
  }

  /** Asked for again whenever there is more of the run. */
  private follow(): void {
    const { run, source } = this.session.data;
    const { opened } = this.session.focus;
    if (!opened) untrack(() => this.answer.clear()); // nobody waits for them any more
    if (!run || run.error !== null || run.steps.length === 0 || !opened) return;
    const { layer, head } = opened;
    void this.answer.load((signal) => source.connections({ run: run.run, layer, head }, signal));
  }
}
