import { type Scale, share, valueOfShare } from '../health/health';
import type { HeadScore } from '../health/scores';

/** Bars of a histogram. */
export const BINS = 24;

/** How a figure is spread over the heads. */
export interface Spread {
  readonly score: HeadScore;
  readonly scale: Scale;
  /** Where each head's value stands on the scale, in [0, 1]; NaN where it is not known. [heads] */
  readonly shares: Float64Array;
}

export function spreadOf(score: HeadScore, scale: Scale): Spread {
  return { score, scale, shares: score.values.map((value) => share(scale, value)) };
}

/** How many of some heads stand in each bar. [BINS] */
export function countsOf(shares: Float64Array, heads: Iterable<number>): Uint32Array {
  const counts = new Uint32Array(BINS);
  for (const head of heads) {
    const at = shares[head] ?? Number.NaN;
    if (!Number.isNaN(at)) counts[binOf(at)] = (counts[binOf(at)] ?? 0) + 1;
  }
  return counts;
}

export function binOf(at: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.floor(at * BINS)));
}

/** From one bar to another one, both included: the values at its edges, in three digits; open where the scale ends. */
export function rangeOfBins(
  scale: Scale,
  from: number,
  to: number,
): { least: number | null; most: number | null } {
  const [low, high] = from <= to ? [from, to] : [to, from];
  const edge = (bin: number) => Number(valueOfShare(scale, bin / BINS).toPrecision(3));
  return { least: low <= 0 ? null : edge(low), most: high >= BINS - 1 ? null : edge(high + 1) };
}

/** The bars that a range begins and ends in. */
export function binsOfRange(
  scale: Scale,
  { least, most }: { readonly least: number | null; readonly most: number | null },
): readonly [from: number, to: number] {
  const from = least === null ? 0 : Math.round(share(scale, least) * BINS);
  const to = most === null ? BINS - 1 : Math.round(share(scale, most) * BINS) - 1;
  return [Math.min(BINS - 1, from), Math.max(0, to)];
}
