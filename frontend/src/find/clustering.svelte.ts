import type { HeadScore } from '../health/scores';
import type { StepPoints } from '../render/positions';
import type { Pair } from '../shown/pair';
import { clusteredness, type PairPlan } from './clusteredness';

/** Where heads' points are read. */
export interface ClusteringNeeds {
  /** The scene of all heads. */
  readonly matrix: {
    readonly own: Pick<Pair, 'from' | 'to' | 'fromStep' | 'toStep'> | null;
    readonly mix: number;
  };
}

/** Milliseconds of work at a time, so that no frame waits for it. */
const SLICE = 6;

interface Result {
  readonly plans: readonly PairPlan[];
  readonly values: Float64Array;
  /** The step whose picture this is. */
  readonly step: number;
}

/** How clustered the hits of the search are in each head's picture at the shown step. */
export class Clustering {
  private result = $state.raw<Result | null>(null);
  /** What is known of pictures, for one search: heads that arrive one by one, and steps that come back, cost nothing. */
  private known = new WeakMap<Float32Array, number>();
  private knownFor: readonly PairPlan[] = [];

  constructor(
    private readonly session: ClusteringNeeds,
    private readonly plans: () => readonly PairPlan[],
    /** The search that the plans are of, in words. */
    private readonly about: () => string,
  ) {}

  /** Null while there is nothing to compare, or nothing known of this search yet. */
  readonly score: HeadScore | null = $derived.by(() => {
    const { result } = this;
    if (!result || result.plans !== this.plans() || result.plans.length === 0) return null;
    return {
      id: 'search',
      title: 'Clusteredness of hits',
      reads:
        'How often two hits lie nearer to each other than a hit and another token: 1 if the hits are one cluster, as where a head groups by meaning; 0.5 if they are scattered, as where it groups by position or by something else.',
      about: this.about(),
      values: result.values,
    };
  });

  /** The step that the score is of: the shown one's picture may still be on its way. */
  readonly of: number | null = $derived.by(() => this.score && (this.result?.step ?? null));

  /** The end of the shown steps that is nearer to what is on screen, and which step that is. */
  private readonly drawn: StepPoints | null = $derived.by(() => {
    const { own, mix } = this.session.matrix;
    return own && (mix < 0.5 ? own.from : own.to);
  });
  private readonly drawnStep: number = $derived.by(() => {
    const { own, mix } = this.session.matrix;
    return (mix < 0.5 ? own?.fromStep : own?.toStep) ?? 0;
  });

  /** To be called while a component is made. */
  begin(): void {
    $effect(() => {
      const { drawn, drawnStep } = this;
      const plans = this.plans();
      if (!drawn || plans.length === 0) return;
      return this.work(drawn, drawnStep, plans);
    });
  }

  /** @returns stops it */
  private work({ heads }: StepPoints, step: number, plans: readonly PairPlan[]): () => void {
    if (plans !== this.knownFor) {
      this.known = new WeakMap();
      this.knownFor = plans;
    }
    const values = new Float64Array(heads.length).fill(Number.NaN);
    let head = 0;
    const slice = () => {
      const end = performance.now() + SLICE;
      while (head < heads.length && performance.now() < end) {
        const points = heads[head];
        if (points) values[head] = this.valueOf(points, plans);
        head++;
      }
      if (head < heads.length) timer = setTimeout(slice);
      else this.result = { plans, values, step };
    };
    let timer = setTimeout(slice);
    return () => clearTimeout(timer);
  }

  private valueOf(points: Float32Array, plans: readonly PairPlan[]): number {
    const value = this.known.get(points) ?? clusteredness(points, 2, plans);
    this.known.set(points, value);
    return value;
  }
}
