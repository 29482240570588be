import { untrack } from 'svelte';
import type { HeadScore } from '../health/scores';

/** Scores as they were at one step. */
export class HeldScores {
  private held = $state.raw<ReadonlyMap<string, HeadScore>>(new Map());

  /** Keeps what is known of these, in place of what was known before. */
  take(scores: readonly HeadScore[]): void {
    const held = untrack(() => this.held);
    const fresh = scores.filter(
      ({ id, values }) => held.get(id)?.values !== values && !values.every(Number.isNaN),
    );
    if (fresh.length > 0) this.held = new Map([...held, ...fresh.map((score) => [score.id, score] as const)]);
  }

  /** Null while nothing is known, nor where the score is about something else by now.
   * @param now all scores that there are now */
  valuesOf(id: string, now: readonly HeadScore[]): Float64Array | null {
    const held = this.held.get(id) ?? null;
    const { about } = now.find((score) => score.id === id) ?? held ?? {};
    return held?.about === about ? (held?.values ?? null) : null;
  }

  clear(): void {
    this.held = new Map();
  }
}
