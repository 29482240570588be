import { figureOf, headsOf, rangeOf, type WholeHealth } from '../run/whole_health';
import { isMagnitude } from './figures';

/** One figure of all heads over all steps: exact at each step, and over them as finely as it is held. */
export interface Series {
  readonly name: string;
  readonly steps: readonly number[];
  readonly heads: number;
  readonly scale: Scale;
  /** As it was recorded at a step, NaN where it is not known [heads]; null while it is not here, or where nothing was recorded. */
  at(step: number): Float32Array | null;
  /** Over all steps; null while it is not here. */
  readonly extremes: Extremes | null;
  /** The same of one head, or the range of all; null while it is not here. */
  rangeOf(head: number | null): Range | null;
}

/** Buckets of so many steps, the first one from the first step on. */
interface Buckets {
  readonly every: number;
  readonly count: number;
}

/** Least and greatest of each head in each bucket; the very values where a bucket has one step. [buckets, heads] */
export interface Extremes extends Buckets {
  readonly low: Float32Array;
  readonly high: Float32Array;
  /** At which of the steps each was; null: at the bucket's only one. */
  readonly lowAt: Float32Array | null;
  readonly highAt: Float32Array | null;
}

/** Of one head, or of the finite values of all. [buckets] */
export interface Range extends Buckets {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** From values to [0, 1], over all heads and steps, so that one colour or height means one value everywhere. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly logarithmic: boolean;
}

/** Ratio of extremes from which a magnitude is drawn on a logarithmic scale. */
const WIDE = 50;

/** All figures of what is in memory: each step is a bucket of its own. */
export function wholeSeries(whole: WholeHealth): ReadonlyMap<string, Series> {
  const rows = new Map(whole.steps.map((step, row) => [step, row]));
  const ranges = new Map<number | null, Float32Array>();
  return new Map(whole.figures.map((name) => [name, new OfWhole(whole, name, rows, ranges)]));
}

class OfWhole implements Series {
  readonly steps: readonly number[];
  readonly heads: number;
  readonly scale: Scale;
  private readonly number: number;
  private found: Extremes | null = null;
  private readonly views = new Map<number, Float32Array>();

  /** @param ranges of all figures, by head, as far as they were asked for */
  constructor(
    private readonly whole: WholeHealth,
    readonly name: string,
    private readonly rows: ReadonlyMap<number, number>,
    private readonly ranges: Map<number | null, Float32Array>,
  ) {
    this.steps = whole.steps;
    this.heads = headsOf(whole.heads);
    this.number = whole.figures.indexOf(name);
    this.scale = scaleOver(name, this.rangeOf(null));
  }

  at(step: number): Float32Array | null {
    const row = this.rows.get(step);
    if (row === undefined) return null;
    const begin = (row * this.whole.figures.length + this.number) * this.heads;
    const values = this.views.get(row) ?? this.whole.values.subarray(begin, begin + this.heads);
    this.views.set(row, values); // the same object each time
    return values;
  }

  get extremes(): Extremes {
    this.found ??= extremesIn(figureOf(this.whole, { ...this.all, figure: this.name }).data, 1, this.heads);
    return this.found;
  }

  rangeOf(head: number | null): Range {
    const known =
      this.ranges.get(head) ?? rangeOf(this.whole, { ...this.all, ...(head !== null && { head }) }).data;
    this.ranges.set(head, known);
    return rangeIn(known, this.number, 1, this.steps.length);
  }

  private get all() {
    const { run, digest: known, steps } = this.whole;
    return { run, known, rows: steps.length, from: 0, to: steps.length, every: 1 };
  }
}

/** @param data [4, buckets, heads], or [1, rows, heads] */
export function extremesIn(data: Float32Array, every: number, heads: number): Extremes {
  if (every === 1) {
    const count = heads === 0 ? 0 : data.length / heads;
    return { every, count, low: data, high: data, lowAt: null, highAt: null };
  }
  const size = data.length / 4;
  const [low, high, lowAt, highAt] = [0, 1, 2, 3].map((part) =>
    data.subarray(part * size, (part + 1) * size),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  return { every, count: heads === 0 ? 0 : size / heads, low, high, lowAt, highAt };
}

/** @param data [figures, 2, buckets] */
export function rangeIn(data: Float32Array, figure: number, every: number, count: number): Range {
  const begin = 2 * figure * count;
  const [low, high] = [data.subarray(begin, begin + count), data.subarray(begin + count, begin + 2 * count)];
  return { every, count, low, high };
}

export function scaleOver(name: string, { low, high }: Range): Scale {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of low) if (value < least) least = value;
  for (const value of high) if (value > greatest) greatest = value;
  const known = least <= greatest;
  return {
    low: known ? least : 0,
    high: known ? greatest : 1,
    logarithmic: known && isMagnitude(name) && least > 0 && greatest > WIDE * least,
  };
}

export function share(scale: Scale, value: number): number {
  const warp = scale.logarithmic ? Math.log : (x: number) => x;
  if (scale.high === scale.low) return Number.isNaN(value) ? Number.NaN : 0.5;
  const at = (warp(value) - warp(scale.low)) / (warp(scale.high) - warp(scale.low));
  return Number.isNaN(at) ? at : Math.min(1, Math.max(0, at));
}

/** The value that stands at a share of the scale. */
export function valueOfShare({ low, high, logarithmic }: Scale, at: number): number {
  return logarithmic ? low * (high / low) ** at : low + at * (high - low);
}

/** The value of a head at a step, or NaN. */
export function valueAt(series: Pick<Series, 'at'>, step: number, head: number): number {
  return series.at(step)?.[head] ?? Number.NaN;
}

/** Shares of all heads between two steps; where one of them has no value, the other's. [heads] */
export function sharesBetween(series: Series, from: number, to: number, mix: number): Float64Array {
  const before = sharesAt(series, from);
  if (from === to) return before;
  const after = sharesAt(series, to);
  for (let head = 0; head < before.length; head++) {
    const [a = Number.NaN, b = Number.NaN] = [before[head], after[head]];
    before[head] = Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + mix * (b - a);
  }
  return before;
}

function sharesAt(series: Series, step: number): Float64Array {
  const values = series.at(step);
  const shares = new Float64Array(series.heads).fill(Number.NaN);
  values?.forEach((value, head) => {
    shares[head] = share(series.scale, value);
  });
  return shares;
}
