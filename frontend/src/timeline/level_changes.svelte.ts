import { Asked } from '../run/asked.svelte';
import type { ChangePoint, ChangePoints, FigureOfRunQuery } from '../run/change_points';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import type { HeadStrip } from './head_strip.svelte';

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'changePoints'> };
  readonly health: { readonly tint: string | null };
  readonly strip: Pick<HeadStrip, 'open'>;
}

/** When the figure that the strip shows moved to another level, head by head. */
export class LevelChanges extends Asked<FigureOfRunQuery, ChangePoints> {
  constructor(private readonly session: Needs) {
    super(
      () => this.query,
      (query, signal) => session.data.source.changePoints(query, signal),
    );
  }

  /** Another one whenever there is more of the run. */
  private readonly query: FigureOfRunQuery | null = $derived.by(() => {
    const { data, health, strip } = this.session;
    const { run } = data;
    if (!strip.open || !run || run.error !== null || health.tint === null) return null;
    return { run: run.run, figure: health.tint };
  });
  /** None while they are on their way. */
  readonly points: readonly ChangePoint[] = $derived.by(() => this.value?.points ?? []);
}
