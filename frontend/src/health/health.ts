import type { DataSource } from '../run/source';
import type { HealthDocument, JsonNumber } from '../run/types';
import { toNumber } from '../run/types';
import { isMagnitude } from './figures';

/** One figure of all heads over all steps. */
export interface Series {
  readonly name: string;
  readonly steps: readonly number[];
  readonly heads: number;
  /** [steps, heads]; NaN where the figure is not known. */
  readonly values: Float64Array;
  /** Least and greatest value over all heads of each step; NaN where no head has one. [steps] */
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly scale: Scale;
}

/** From values to [0, 1], over all heads and steps, so that one colour or height means one value everywhere. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly logarithmic: boolean;
}

/** Ratio of extremes from which a magnitude is drawn on a logarithmic scale. */
const WIDE = 50;

export function readHealth(
  document: Omit<HealthDocument, 'digest'> & Partial<HealthDocument>,
): ReadonlyMap<string, Series> {
  const heads = document.heads.reduce((sum, count) => sum + count, 0);
  return new Map(
    Object.entries(document.figures).map(([name, rows]) => [
      name,
      readSeries(name, document.steps, heads, rows),
    ]),
  );
}

/** Asks only for the steps that are not known yet. What is known of another run, of other heads, or of steps that a restart
 * has written again, counts for nothing. */
export async function extendHealth(
  source: Pick<DataSource, 'health'>,
  run: string,
  known: HealthDocument | null,
  signal?: AbortSignal,
): Promise<HealthDocument> {
  const last = known?.run === run ? known.steps.at(-1) : undefined;
  if (known === null || last === undefined) return source.health(run, null, signal);
  const newer = await source.health(run, { since: last, known: known.digest }, signal);
  if (newer.digest === known.digest) return known;
  if ((newer.steps[0] ?? last) <= last) return newer;
  const figures = Object.entries(newer.figures).map(
    ([name, rows]) => [name, [...(known.figures[name] ?? []), ...rows]] as const,
  );
  return { ...newer, steps: [...known.steps, ...newer.steps], figures: Object.fromEntries(figures) };
}

export function share(scale: Scale, value: number): number {
  const warp = scale.logarithmic ? Math.log : (x: number) => x;
  if (scale.high === scale.low) return Number.isNaN(value) ? Number.NaN : 0.5;
  const at = (warp(value) - warp(scale.low)) / (warp(scale.high) - warp(scale.low));
  return Number.isNaN(at) ? at : Math.min(1, Math.max(0, at));
}

/** The value of a head at a step, or NaN. */
export function valueAt(series: Series, step: number, head: number): number {
  const row = series.steps.indexOf(step);
  return row < 0 || head >= series.heads
    ? Number.NaN
    : (series.values[row * series.heads + head] ?? Number.NaN);
}

/** Shares of all heads between two steps; where one of them has no value, the other's. [heads] */
export function sharesBetween(series: Series, from: number, to: number, mix: number): Float64Array {
  const before = series.steps.indexOf(from);
  const after = series.steps.indexOf(to);
  const at = (row: number, head: number) =>
    row < 0 ? Number.NaN : share(series.scale, series.values[row * series.heads + head] ?? Number.NaN);
  return Float64Array.from({ length: series.heads }, (_, head) => {
    const [a, b] = [at(before, head), at(after, head)];
    if (Number.isNaN(a)) return b;
    return Number.isNaN(b) ? a : a + mix * (b - a);
  });
}

function readSeries(
  name: string,
  steps: readonly number[],
  heads: number,
  rows: readonly (readonly JsonNumber[])[],
): Series {
  const values = new Float64Array(steps.length * heads).fill(Number.NaN);
  const low = new Float64Array(steps.length).fill(Number.NaN);
  const high = new Float64Array(steps.length).fill(Number.NaN);
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  steps.forEach((_, i) => {
    rows[i]?.slice(0, heads).forEach((raw, head) => {
      const value = toNumber(raw);
      values[i * heads + head] = value;
      if (!Number.isFinite(value)) return;
      low[i] = lesser(low[i], value);
      high[i] = -lesser(-(high[i] ?? Number.NaN), -value);
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    });
  });
  const known = least <= greatest;
  const scale = {
    low: known ? least : 0,
    high: known ? greatest : 1,
    logarithmic: known && isMagnitude(name) && least > 0 && greatest > WIDE * least,
  };
  return { name, steps, heads, values, low, high, scale };
}

/** The smaller one; a value that is not known yet gives way. */
function lesser(known: number | undefined, value: number): number {
  return known === undefined || Number.isNaN(known) ? value : Math.min(known, value);
}
