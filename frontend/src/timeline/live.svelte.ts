import { untrack } from 'svelte';
import { liveTimeout } from './live_timeout';

/** Whether new checkpoints still come. */
export class Live {
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

  /** The runs were looked at. */
  tick(): void {
    this.now = Date.now();
  }
}
