import { type Scale, share, valueOfShare } from '../health/health';
import type { HeadScore } from '../health/scores';
import type { ScoreRange } from '../matrix/head_filter';

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

/** Values that pass; null where it is open. */
type Range = Pick<ScoreRange, 'least' | 'most'>;

/** From one bar to another one, both included: the values at its edges, as short as they can be told from one another;
 * open where the scale ends. */
export function rangeOfBins(scale: Scale, from: number, to: number): Range {
  const [low, high] = from <= to ? [from, to] : [to, from];
  return {
    least: low <= 0 ? null : edgeOf(scale, low),
    most: high >= BINS - 1 ? null : edgeOf(scale, high + 1),
  };
}

/** The value at which a bar begins, within a twentieth of the bar. */
function edgeOf(scale: Scale, bin: number): number {
  const value = valueOfShare(scale, bin / BINS);
  const width = valueOfShare(scale, (bin + 1) / BINS) - value;
  if (value === 0 || width === 0) return value;
  const digits = Math.floor(Math.log10(Math.abs(value))) + 2 - Math.floor(Math.log10(Math.abs(width)));
  return Number(value.toPrecision(Math.min(17, Math.max(3, digits))));
}

/** What a brush over bars leaves. A click into what is brushed takes it away. */
export function keptBy(scale: Scale, range: Range | null, from: number, to: number): Range {
  const [first, last] = range ? binsOfRange(scale, range) : [BINS, -1];
  const again = from === to && first <= from && from <= last;
  return again ? { least: null, most: null } : rangeOfBins(scale, from, to);
}

/** The bars that a range begins and ends in. */
export function binsOfRange(scale: Scale, { least, most }: Range): readonly [from: number, to: number] {
  const from = least === null ? 0 : Math.round(share(scale, least) * BINS);
  const to = most === null ? BINS - 1 : Math.round(share(scale, most) * BINS) - 1;
  return [Math.min(BINS - 1, from), Math.max(0, to)];
}
