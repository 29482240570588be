import type { NpyArray } from '../base/npy';
import type {
  FigureOfHeadsQuery,
  HealthDocument,
  HealthSteps,
  KnownHealth,
  RangeQuery,
  RowsQuery,
} from './types';
import { toNumber } from './types';

/** All health figures of a run in memory, and the answers that are made of them: of runs that are exported or made up, and of
 * what a client has whole. */
export interface WholeHealth extends Omit<HealthSteps, 'from' | 'rows'> {
  /** [steps, figures, heads of all layers]; NaN where a figure is not known. */
  readonly values: Float32Array;
}

export function wholeHealth({ run, steps, heads, figures, digest = '' }: HealthDocument): WholeHealth {
  const names = Object.keys(figures);
  const count = headsOf(heads);
  const values = new Float32Array(steps.length * names.length * count).fill(Number.NaN);
  names.forEach((name, figure) => {
    figures[name]?.forEach((row, step) => {
      values.set(row.slice(0, count).map(toNumber), (step * names.length + figure) * count);
    });
  });
  return { run, steps, heads, figures: names, values, digest };
}

export function stepsOf(whole: WholeHealth, known: KnownHealth | null): HealthSteps {
  const from = known && known.known === whole.digest ? Math.min(known.from, whole.steps.length) : 0;
  const { run, heads, figures, digest, steps } = whole;
  return { run, from, rows: steps.length, steps: steps.slice(from), heads, figures, digest };
}

/** [rows, figures, heads] */
export function rowsOf({ figures, heads, values }: WholeHealth, { from, to }: RowsQuery): NpyArray {
  const row = figures.length * headsOf(heads);
  return {
    shape: [to - from, figures.length, headsOf(heads)],
    data: values.slice(from * row, to * row),
  };
}

/** [4, buckets, heads]: least, greatest, and the first row of each; [1, rows, heads] of buckets of one. */
export function figureOf(whole: WholeHealth, { from, to, every, figure }: FigureOfHeadsQuery): NpyArray {
  const { figures, values } = whole;
  const heads = headsOf(whole.heads);
  const number = figures.indexOf(figure);
  const first = Math.floor(from / every);
  const buckets = Math.max(0, Math.ceil(to / every) - first);
  const data = new Float32Array((every === 1 ? 1 : 4) * buckets * heads).fill(Number.NaN);
  for (let row = from; row < to; row++) {
    const begin = (row * figures.length + number) * heads;
    for (let head = 0; head < heads; head++) {
      const value = values[begin + head] ?? Number.NaN;
      const at = (Math.floor(row / every) - first) * heads + head;
      if (every === 1) data[at] = value;
      else reach(data, at, buckets * heads, value, row);
    }
  }
  return { shape: [every === 1 ? 1 : 4, buckets, heads], data };
}

/** [figures, 2, buckets]: least and greatest of a head; without one, of all, those alone that are finite. */
export function rangeOf(whole: WholeHealth, { from, to, every, head }: RangeQuery): NpyArray {
  const { figures, values } = whole;
  const heads = headsOf(whole.heads);
  const first = Math.floor(from / every);
  const buckets = Math.max(0, Math.ceil(to / every) - first);
  const data = new Float32Array(figures.length * 2 * buckets).fill(Number.NaN);
  const [begin, end] = head === undefined ? [0, heads] : [head, head + 1];
  for (let row = from; row < to; row++) {
    for (let figure = 0; figure < figures.length; figure++) {
      const low = figure * 2 * buckets + Math.floor(row / every) - first;
      for (let i = begin; i < end; i++) {
        const value = values[(row * figures.length + figure) * heads + i] ?? Number.NaN;
        if (Number.isNaN(value) || (head === undefined && !Number.isFinite(value))) continue;
        if (!((data[low] ?? Number.NaN) <= value)) data[low] = value;
        if (!((data[low + buckets] ?? Number.NaN) >= value)) data[low + buckets] = value;
      }
    }
  }
  return { shape: [figures.length, 2, buckets], data };
}

/** Takes a value into a bucket's least and greatest, and where these are; the parts lie `size` apart. */
function reach(data: Float32Array, at: number, size: number, value: number, row: number): void {
  for (const part of [2, 3]) {
    if (Number.isNaN(data[at + part * size] ?? 0)) data[at + part * size] = row; // nothing is known of any yet
  }
  if (Number.isNaN(value)) return;
  if (!((data[at] ?? Number.NaN) <= value)) [data[at], data[at + 2 * size]] = [value, row];
  if (!((data[at + size] ?? Number.NaN) >= value)) [data[at + size], data[at + 3 * size]] = [value, row];
}

export function headsOf(heads: readonly number[]): number {
  return heads.reduce((sum, count) => sum + count, 0);
}
