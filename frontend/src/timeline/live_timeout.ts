/** Milliseconds after its last new checkpoint for which a run counts as live, at least and at most. */
const LEAST = 60_000;
const MOST = 30 * 60_000;

/** How long to wait for the next checkpoint until a run no longer counts as live: three times what the last one took, so
 * that a run that records every few minutes does not seem to end after each.
 * @param took milliseconds from the last new checkpoint but one to the last; infinite where there was none before */
export function liveTimeout(took: number): number {
  return Number.isFinite(took) ? Math.min(MOST, Math.max(LEAST, 3 * took)) : LEAST;
}
