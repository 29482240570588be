import { DEFAULT_PROJECTION, isSlow, type Projection } from '../run/projection';
import type { Dims } from '../run/types';

interface Needs {
  readonly steps: readonly number[];
}

/** The axes that points are shown in: the projection, and the frame that it keeps over the steps. */
export class Axes {
  projection = $state.raw<Projection>(DEFAULT_PROJECTION);
  dims = $state<Dims>(2);
  /** The step up to which the frame is fitted. */
  frame = $state<number | null>(null);
  refitLive = $state(false);
  /** Whether the user has stopped a slow projection of the matrix; the opened head is made all the same. */
  stopped = $state(false);

  constructor(private readonly playback: Needs) {}

  readonly slow: boolean = $derived(isSlow(this.projection));
  readonly newest: number | null = $derived.by(() => this.playback.steps.at(-1) ?? null);
  /** Checkpoints that came after the frame. */
  readonly newer: number = $derived.by(
    () => this.playback.steps.filter((step) => this.frame !== null && step > this.frame).length,
  );

  /** Another method, or other parameters of it. */
  project(change: Partial<Projection>): void {
    this.projection = { ...this.projection, ...change };
    this.stopped = false;
  }

  refit(): void {
    this.frame = this.newest;
  }
}
