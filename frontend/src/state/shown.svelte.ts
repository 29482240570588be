import type { Dims, PointsQuery } from '../api/types';
import type { StepPoints } from '../render/positions';
import type { Session } from './session.svelte';

/** What a scene wants to show. */
export interface Wish {
  readonly layers: readonly number[];
  readonly dims: Dims;
  /** One head of the only layer; null for all heads. */
  readonly head: number | null;
}

interface Pair {
  readonly id: string;
  /** While this stays the same, an old picture may stand in for one that is still loading. */
  readonly family: string;
  readonly dims: Dims;
  readonly fromStep: number;
  readonly toStep: number;
  readonly from: StepPoints;
  readonly to: StepPoints;
}

/** The two steps that a scene mixes. When new ones are asked for, the old ones stay until all layers have come:
 * a picture never mixes layers of different steps. Only the first picture fills in layer by layer. */
export class ShownSteps {
  pair = $state.raw<Pair | null>(null);
  private heldMix = 0;

  constructor(
    private readonly session: Session,
    private readonly wish: () => Wish | null,
  ) {
    $effect.pre(() => this.follow());
  }

  /** Queries for the given checkpoints, one step after the other. */
  queries(indices: readonly number[]): PointsQuery[] {
    const { run, frame, projection, playback } = this.session;
    const wish = this.wish();
    if (!run || !wish || frame === null) return [];
    return indices.flatMap((index) => {
      const step = playback.steps[index];
      if (step === undefined) return [];
      return wish.layers.map((layer) => ({ run: run.run, step, layer, projection, dims: wish.dims, frame }));
    });
  }

  readonly mix: number = $derived.by(() => {
    const { mix } = this.session.playback.between;
    if (this.pair?.id !== this.wantedId) return this.heldMix;
    return mix;
  });

  /** Everything asked for is here, or has failed, and is in the picture. */
  readonly settled: boolean = $derived.by(() => {
    const { from, to } = this.session.playback.between;
    return this.arrived([from, to]) && (this.wish() === null || this.pair?.id === this.wantedId);
  });

  arrived(indices: readonly number[]): boolean {
    const { loader } = this.session;
    return loader.arrivals >= 0 && this.queries(indices).every((query) => loader.settled(query));
  }

  private readonly wanted: Pair | null = $derived.by(() => {
    const { run, loader, playback, frame, projection } = this.session;
    const { from, to } = playback.between;
    const wish = this.wish();
    const [fromStep, toStep] = [playback.steps[from], playback.steps[to]];
    if (!run || !wish || frame === null || fromStep === undefined || toStep === undefined) return null;
    const family = `${run.run}|${wish.layers.join()}|${wish.head}`;
    const points = (index: number, step: number): StepPoints => ({
      id: `${family}|${wish.dims}|${projection}|${frame}|${step}`,
      layers: this.queries([index]).map((query) => {
        const all = loader.arrivals >= 0 ? loader.get(query) : null;
        if (!all || wish.head === null) return all;
        const floats = all.length / (run.layers[query.layer]?.heads ?? 1);
        return all.subarray(wish.head * floats, (wish.head + 1) * floats);
      }),
    });
    const before = points(from, fromStep);
    const after = to === from ? before : points(to, toStep);
    return {
      id: `${before.id}>${after.id}`,
      family,
      dims: wish.dims,
      fromStep,
      toStep,
      from: before,
      to: after,
    };
  });

  private readonly wantedId: string | null = $derived(this.wanted?.id ?? null);

  private follow(): void {
    const { wanted } = this;
    const { from, to, mix } = this.session.playback.between;
    const stale = this.pair !== null && this.pair.family === wanted?.family;
    if (wanted === null || !stale || this.pair?.id === wanted.id || this.arrived([from, to])) {
      this.pair = wanted;
      this.heldMix = mix;
    }
  }
}
