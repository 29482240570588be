import { untrack } from 'svelte';
import type { Feature } from '../run/feature';
import { liveTimeout } from './live_timeout';

/** Whether new checkpoints still come. */
export class Live implements Feature {
  /** When the last one came. */
  private grownAt = $state(Number.NEGATIVE_INFINITY);
  /** Milliseconds from then on for which the run counts as live. */
  private patience = $state(0);
  private now = $state(Date.now());

  readonly on: boolean = $derived(this.now - this.grownAt < this.patience);

  /** A checkpoint came. */
  grew(): void {
    const now = Date.now();
    this.patience = liveTimeout(now - untrack(() => this.grownAt));
    this.grownAt = now;
  }

  /** How often checkpoints come is of one run alone. */
  leave(): void {
    this.grownAt = Number.NEGATIVE_INFINITY;
    this.patience = 0;
  }

  /** The runs were looked at. */
  tick(): void {
    this.now = Date.now();
  }
}
