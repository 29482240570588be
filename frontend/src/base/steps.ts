/** The timeline's arithmetic. A place on it is a number of checkpoints: 2.25 is a quarter of the way from the
 * third checkpoint to the fourth. */

export interface Between {
  readonly from: number;
  readonly to: number;
  /** 0 at `from`, 1 at `to`. */
  readonly mix: number;
}

export function between(place: number, count: number): Between {
  const held = clamp(place, count);
  const from = Math.floor(held);
  const mix = held - from;
  return { from, to: mix > 0 ? from + 1 : from, mix };
}

export function clamp(place: number, count: number): number {
  return Math.max(0, Math.min(count - 1, place));
}

/** The place of a step value, which may lie between two checkpoints. */
export function placeOfStep(steps: readonly number[], value: number): number {
  const after = steps.findIndex((step) => step > value);
  if (after === 0) return 0;
  if (after < 0) return Math.max(0, steps.length - 1);
  const [low, high] = [steps[after - 1] ?? 0, steps[after] ?? 0];
  return after - 1 + (value - low) / (high - low);
}

/** The step value at a place. */
export function stepAt(steps: readonly number[], place: number): number {
  const { from, to, mix } = between(place, steps.length);
  const [low, high] = [steps[from] ?? 0, steps[to] ?? 0];
  return low + mix * (high - low);
}

/** Where a step stands between the first and the last one, as a share. */
export function shareOfStep(steps: readonly number[], value: number): number {
  const [first, last] = [steps[0] ?? 0, steps[steps.length - 1] ?? 0];
  return last > first ? (value - first) / (last - first) : 0;
}

/** The step, or the first or last checkpoint where it is older or newer than all: health may be recorded more often than
 * samples. */
export function heldStep(steps: readonly number[], step: number): number {
  return Math.max(steps[0] ?? 0, Math.min(steps.at(-1) ?? 0, step));
}

/** What happened at steps too near to be told apart, `at` a place on the timeline. */
interface Cluster<T> {
  readonly at: number;
  readonly of: readonly T[];
}

/** From left to right, each at least `gap` after the one before.
 * @param placeOf a step, in the unit of `gap` */
export function clustered<T extends { readonly step: number }>(
  items: readonly T[],
  placeOf: (step: number) => number,
  gap: number,
): Cluster<T>[] {
  const clusters: { at: number; of: T[] }[] = [];
  for (const item of items.toSorted((a, b) => a.step - b.step)) {
    const at = placeOf(item.step);
    const last = clusters.at(-1);
    if (last && at - last.at < gap) last.of.push(item);
    else clusters.push({ at, of: [item] });
  }
  return clusters;
}
