import { figureReads, figureTitle } from './figures';
import type { Scale, Series } from './health';

/** A number for every head at the shown step, by which heads are sorted, filtered and marked. */
export interface HeadScore {
  readonly id: string;
  readonly title: string;
  /** What it says, in a sentence or two. */
  readonly reads: string;
  /** Of what its values are beside the step, where others may come under its id: the head that others are like, the words of a search. */
  readonly about?: string;
  /** NaN: not known. [heads of all layers] */
  readonly values: Float64Array;
}

/** The health figures as scores. */
export function healthScores(health: ReadonlyMap<string, Series>, step: number): HeadScore[] {
  return [...health.values()].map((series) => ({
    id: series.name,
    title: figureTitle(series.name),
    reads: figureReads(series.name),
    values: valuesAt(series, step),
  }));
}

/** A figure of all heads at a step, NaN where it was not recorded. [heads] */
export function valuesAt(series: Pick<Series, 'at' | 'heads'>, step: number): Float64Array {
  const values = series.at(step);
  return values ? Float64Array.from(values) : new Float64Array(series.heads).fill(Number.NaN);
}

/** Numbers of heads in the order of their values; those whose value is not known come last, and equal ones stay in
 * the order in which they were. */
export function ranked(
  numbers: Iterable<number>,
  values: ArrayLike<number>,
  descending: boolean,
): Uint32Array {
  const sign = descending ? -1 : 1;
  return Uint32Array.from(
    [...numbers].sort((i, j) => {
      const [a, b] = [values[i] ?? Number.NaN, values[j] ?? Number.NaN];
      if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
      return a === b ? 0 : a < b ? -sign : sign;
    }),
  );
}

/** The scale of values that are known for one step only: from 0, or from the least where that is negative. */
export function scaleOf(values: Float64Array): Scale {
  let [low, high] = [0, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high: high > low ? high : low + 1, logarithmic: false };
}
