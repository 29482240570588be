import { untrack } from 'svelte';
import type { ChangePoint, ChangePoints } from '../run/change_points';
import type { Feature } from '../run/feature';
import { Latest } from '../run/latest.svelte';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import type { HeadStrip } from './head_strip.svelte';

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'changePoints'> };
  readonly health: { readonly tint: string | null };
  readonly strip: Pick<HeadStrip, 'open'>;
}

/** When the figure that the strip shows moved to another level, head by head. */
export class LevelChanges implements Feature {
  private readonly answer = new Latest<ChangePoints>();

  constructor(private readonly session: Needs) {}

  /** None while they are on their way. */
  readonly points: readonly ChangePoint[] = $derived.by(() => {
    const { value } = this.answer;
    const { data, health } = this.session;
    return value && value.run === data.run?.run && value.figure === health.tint ? value.points : [];
  });

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
    const { data, health, strip } = this.session;
    const { run, source } = data;
    const { tint } = health;
    if (!strip.open || !run || run.error !== null || tint === null) {
      untrack(() => this.answer.clear()); // nobody waits for them any more
      return;
    }
    void this.answer.load((signal) => source.changePoints({ run: run.run, figure: tint }, signal));
  }
}
