import { shareOfStep } from '../base/steps';
import { formatFigure } from '../health/figures';
import { type Extremes, type Series, valueAt } from '../health/health';
import type { Grid } from '../render/layout';

/** Which pixels of the strip above the timeline are whose: heads down, steps across. All lengths are in pixels of its canvas. */

/** Heads that stand together: a layer's, or all. */
export interface Band {
  readonly top: number;
  readonly height: number;
  /** Numbers of its heads, from top to bottom. */
  readonly numbers: readonly number[];
}

/** What stands side by side. */
export interface Columns {
  readonly steps: readonly number[];
  /** The row of each step in the figure's series, or −1. */
  readonly rows: Int32Array;
  /** Where each column begins, and where the last one ends. [columns + 1] */
  readonly edges: Float64Array;
}

/** Of each pixel, the first of the things that fall on it, and the one after the last. */
export interface Reach {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A stroke downwards where a head's figure went over to another level. */
export interface Stroke {
  readonly x: number;
  readonly top: number;
  readonly height: number;
}

/** The least height of a layer that stands apart; where one would be lower, none does. */
const APART = 3;

/** The heads that have a cell, in the order in which they are arranged; layers one pixel apart where they stand by layer. */
export function bandsOf({ rows }: Pick<Grid, 'rows'>, height: number): readonly Band[] {
  const groups = rows.map(({ numbers }) => [...numbers].filter((number) => number >= 0));
  const all = groups.flat();
  if (all.length === 0) return [];
  if (rows.every(({ layer }) => layer !== null)) {
    const layers = stacked(groups, height, all.length);
    if (layers.every((band) => band.height >= APART)) return layers;
  }
  return stacked([all], height, all.length);
}

/** A column for each step that lies on the timeline, of its checkpoints and of the figure's; each reaches half way to its
 * neighbours.
 * @param checkpoints of the timeline, which is `width` wide and whose first and last stand `pad` from its ends */
export function columnsOf(
  checkpoints: readonly number[],
  { steps: recorded }: Pick<Series, 'steps'>,
  width: number,
  pad: number,
): Columns {
  const [first, last] = [checkpoints[0] ?? 0, checkpoints.at(-1) ?? 0];
  const within = recorded.filter((step) => step >= first && step <= last);
  const steps = [...new Set([...checkpoints, ...within])].sort((a, b) => a - b);
  const rowOf = new Map(recorded.map((step, row) => [step, row]));
  const x = steps.map((step) => pad + shareOfStep(checkpoints, step) * (width - 2 * pad));
  const edges = Float64Array.from({ length: steps.length + 1 }, (_, i) => {
    const [before, after] = [x[i - 1], x[i]];
    if (before !== undefined && after !== undefined) return (before + after) / 2;
    const [end, next] = before === undefined ? [x[0] ?? 0, x[1]] : [before, x[i - 2]];
    const half = next === undefined ? pad : Math.abs(next - end) / 2;
    return Math.min(width, Math.max(0, before === undefined ? end - half : end + half));
  });
  return { steps, rows: Int32Array.from(steps, (step) => rowOf.get(step) ?? -1), edges };
}

/** Columns whose steps are in one bucket stand together; those without a row of figures by themselves, but within a bucket.
 * `ends`: where each group begins, and where the last one ends; `buckets`: −1 for none. */
export function groupsOf({ rows }: Columns, every: number): { ends: number[]; buckets: number[] } {
  const ends: number[] = [];
  const buckets: number[] = [];
  rows.forEach((row, column) => {
    const bucket = row < 0 ? -1 : Math.floor(row / every);
    const last = buckets.at(-1);
    if (last === bucket && bucket >= 0) return;
    if (bucket < 0 && every > 1 && last !== undefined && last >= 0) return; // a step without figures between others
    ends.push(column);
    buckets.push(bucket);
  });
  return { ends: [...ends, rows.length], buckets };
}

/** What a head has at a step: its own value where that is here, else what it has in the bucket of the step. */
export function toldAt(
  { series, extremes }: { readonly series: Series; readonly extremes: Extremes },
  number: number,
  step: number,
): string {
  const row = series.steps.indexOf(step);
  const bucket = Math.floor(row / extremes.every);
  const at = bucket * series.heads + number;
  const [low, high] = [extremes.low[at] ?? Number.NaN, extremes.high[at] ?? Number.NaN];
  const own =
    series.at(step) !== null
      ? valueAt(series, step, number)
      : extremes.every === 1 || extremes.lowAt?.[at] === row || low === high
        ? low
        : extremes.highAt?.[at] === row
          ? high
          : null;
  if (row < 0 || bucket >= extremes.count) return 'not known';
  if (own === null)
    return `${formatFigure(series.name, low)} to ${formatFigure(series.name, high)} around it`;
  return Number.isNaN(own) ? 'not known' : formatFigure(series.name, own);
}

/** What falls on which pixel. What is narrower than one shares it with others.
 * @param edges where each thing begins, and where the last one ends */
export function fallOn(edges: ArrayLike<number>, pixels: number): Reach {
  const [from, to] = [new Int32Array(pixels), new Int32Array(pixels)];
  for (let thing = 0; thing + 1 < edges.length; thing++) {
    const begin = Math.min(pixels - 1, Math.round(edges[thing] ?? 0));
    const end = Math.min(pixels, Math.max(begin + 1, Math.round(edges[thing + 1] ?? 0)));
    for (let pixel = begin; pixel < end; pixel++) {
      if (to[pixel] === 0) from[pixel] = thing;
      to[pixel] = thing + 1;
    }
  }
  return { from, to };
}

/** Where each head of a band begins, from its top. [heads + 1] */
export function headEdges({ height, numbers }: Band): Float64Array {
  return Float64Array.from({ length: numbers.length + 1 }, (_, i) => (i * height) / numbers.length);
}

/** Where a head at a step lies; null where it has no place. */
export function placeIn(
  bands: readonly Band[],
  { steps, edges }: Columns,
  number: number,
  step: number,
): Rect | null {
  const band = bands.find(({ numbers }) => numbers.includes(number));
  const column = steps.indexOf(step);
  if (!band || column < 0) return null;
  const [left = 0, right = 0] = edges.subarray(column, column + 2);
  const [top = 0, bottom = 0] = headEdges(band).subarray(band.numbers.indexOf(number));
  return { left, top: band.top + top, width: right - left, height: bottom - top };
}

/** The stroke nearest to a place, of those at most `reach` away; null where there is none. */
export function strokeNear<T extends Stroke>(
  strokes: readonly T[],
  x: number,
  y: number,
  reach: number,
): T | null {
  const away = (stroke: T) => {
    const end = stroke.top + stroke.height;
    return Math.hypot(stroke.x - x, Math.max(stroke.top - y, 0, y - end));
  };
  const [nearest] = strokes.filter((stroke) => away(stroke) <= reach).sort((a, b) => away(a) - away(b));
  return nearest ?? null;
}

function stacked(groups: readonly (readonly number[])[], height: number, heads: number): readonly Band[] {
  const room = height - (groups.length - 1);
  let before = 0;
  return groups.map((numbers, i) => {
    const top = Math.round((before / heads) * room) + i;
    before += numbers.length;
    return { top, height: Math.round((before / heads) * room) + i - top, numbers };
  });
}
