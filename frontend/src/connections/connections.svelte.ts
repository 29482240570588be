import { Asked } from '../run/asked.svelte';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
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
export class Connections extends Asked<ConnectionsQuery, HeadConnections> {
  constructor(private readonly session: Needs) {
    super(
      () => this.query,
      (query, signal) => session.data.source.connections(query, signal),
    );
  }

  /** Another one whenever there is more of the run. */
  private readonly query: ConnectionsQuery | null = $derived.by(() => {
    const { run } = this.session.data;
    const { opened } = this.session.focus;
    if (!run || run.error !== null || run.steps.length === 0 || !opened) return null;
    return { run: run.run, layer: opened.layer, head: opened.head };
  });
  /** Whether the shown run recorded any. The last answer tells it for all heads: nothing jumps from one to the next. */
  readonly recorded: boolean = $derived.by(() => {
    const { last } = this;
    return last?.question.run === this.session.data.run?.run && (last?.answer.steps.length ?? 0) > 0;
  });
  /** The step that the links are of, which may lie before the shown one; null where they are of none. */
  readonly at: number | null = $derived.by(() => {
    const { step } = this.session.playback;
    return this.value && step !== null ? (this.value.steps[rowAt(this.value.steps, step)] ?? null) : null;
  });
  /** The strongest first. */
  readonly links: readonly Link[] = $derived.by(() => {
    const { step } = this.session.playback;
    return this.value && step !== null ? linksAt(this.value, step) : [];
  });

  /** The largest contribution at any step, in logits a query, by which links are wide at all of them. */
  readonly most: number = $derived(
    Math.max(
      LEAST_LOGITS,
      ...[...(this.value?.fed_by ?? []), ...(this.value?.feeds ?? [])].flatMap(({ contributions }) =>
        contributions.map((value) => value ?? 0),
      ),
    ),
  );
}
