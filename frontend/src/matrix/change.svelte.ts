import { stepName } from '../base/numbers';
import { sleep } from '../base/sleep';
import type { HeadScore } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import type { Grid } from '../render/layout';
import { Gathered } from '../run/gathered.svelte';
import { type Settings, settings, whole } from '../run/setting';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';

/** Milliseconds that the hand rests on a step before its change is asked for. */
const REST = 150;
/** Pairs of steps whose answer is kept, and layers that are asked for at once. */
const KEPT = 64;
const AT_ONCE = 2;

/** The step from which on change is measured: a checkpoint, or the one before the shown step. */
export type Since = number | 'previous';

/** Of what change is asked. */
interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'change'> };
  readonly playback: Pick<Playback, 'steps' | 'index' | 'step' | 'moving'>;
  readonly grid: Grid;
}

/** How much each head's attention changed from one step to the shown one. Asked for only while something uses it. */
export class Change {
  since = $state<Since>('previous');
  readonly settings: Settings = settings<Change>(this, { since: whole() });
  readonly answers = new Gathered<Float64Array>(KEPT);

  constructor(private readonly session: Needs) {}

  /** The step that is meant; null where there is none before the shown one. */
  readonly from: number | null = $derived.by(() => {
    const { steps, index } = this.session.playback;
    if (this.since !== 'previous') return this.since;
    return steps[index - 1] ?? null;
  });

  private readonly key: string = $derived.by(() => {
    const { playback } = this.session;
    const { run } = this.session.data;
    return `${run?.run} ${playback.step} ${this.from}`;
  });

  readonly score: HeadScore = $derived.by(() => {
    const total = this.session.grid.total;
    const since = this.since === 'previous' ? 'the checkpoint before' : stepName(this.since);
    return {
      id: 'change',
      title: `Change since ${this.since === 'previous' ? 'previous' : since}`,
      reads: `How much attention differs from ${since}: the mean Jensen-Shannon distance of its rows, 0 where nothing changed, 1 where all did.`,
      about: String(this.since),
      values: this.answers.get(this.key) ?? new Float64Array(total).fill(Number.NaN),
    };
  });

  /** @param wanted whether anything shows it */
  begin(wanted: () => boolean): void {
    $effect.pre(() => {
      const { run } = this.session.data;
      const { step, moving } = this.session.playback;
      const { from, key } = this;
      if (!run || run.error !== null || step === null) return;
      const needed = wanted() && from !== null && from !== step && !moving;
      this.answers.need(needed ? key : null, (signal) => this.gather(run.run, step, from ?? 0, signal));
    });
  }

  private async gather(run: string, step: number, since: number, signal: AbortSignal): Promise<Float64Array> {
    const { grid } = this.session;
    const { source } = this.session.data;
    await sleep(REST, signal);
    const values = new Float64Array(grid.total).fill(Number.NaN);
    const layers = grid.heads.keys();
    const worker = async () => {
      for (const layer of layers) {
        const answer = await source.change({ run, step, since, layer }, { signal });
        values.set(answer.data.subarray(0, grid.heads[layer] ?? 0), grid.first[layer]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return values;
  }
}
