import { type Extremes, type Series, share } from '../health/health';
import { type Palette, tintCells } from '../render/colours';
import { type Band, type Columns, fallOn, groupsOf, headEdges } from './strip';

/** What the strip shows of a figure. */
export interface StripPlan {
  readonly series: Series;
  readonly extremes: Extremes;
  readonly bands: readonly Band[];
  readonly columns: Columns;
  /** Pixels of the canvas. */
  readonly width: number;
  readonly height: number;
}

/** Its pixels. */
export interface StripPicture {
  readonly plan: StripPlan;
  /** The head and the step that a pixel shows: column × heads + head; −1 between layers. [height, width] */
  readonly shown: Int32Array;
  /** What colours it, from 0 to MOST along the figure's scale; BLANK where nothing is known. [height, width] */
  readonly levels: Int16Array;
}

const MOST = 1023;
export const BLANK = -1;
const BETWEEN = -2;

/** Least and greatest of some columns that stand side by side, as shares of the figure's scale, and in which column each is. */
interface Group {
  readonly low: Float32Array;
  readonly high: Float32Array;
  columnOf(number: number, high: boolean): number;
}

/** Where several heads or steps fall on one pixel, it shows the value that stands out most: the one that is farthest, along
 * the figure's scale, from the middle of all that the shown heads have. Pauses after every bucket and every row. */
export function* pooled(plan: StripPlan): Generator<void, StripPicture> {
  const { series, extremes, bands, columns, width, height } = plan;
  const { heads } = series;
  const groups: Group[] = []; // made one by one, as 5,120 heads in 1,000 buckets are 40 MB
  const { ends, buckets } = groupsOf(columns, extremes.every);
  const columnOfRow = new Map([...columns.rows].map((row, column) => [row, column]));
  const all = bands.flatMap(({ numbers }) => numbers);
  let [sum, count] = [0, 0];
  for (const [i, bucket] of buckets.entries()) {
    const begin = ends[i] ?? 0;
    const low = new Float32Array(heads).fill(Number.NaN);
    const high = extremes.every === 1 ? low : low.slice();
    const known = bucket >= 0 && bucket < extremes.count;
    for (const number of known ? all : []) {
      const at = bucket * heads + number;
      low[number] = share(series.scale, extremes.low[at] ?? Number.NaN);
      if (high !== low) high[number] = share(series.scale, extremes.high[at] ?? Number.NaN);
      const middle = ((low[number] ?? Number.NaN) + (high[number] ?? Number.NaN)) / 2;
      if (Number.isNaN(middle)) continue;
      sum += middle;
      count++;
    }
    groups.push({
      low,
      high,
      columnOf(number, greatest) {
        const rows = greatest ? extremes.highAt : extremes.lowAt;
        return (rows && columnOfRow.get(rows[bucket * heads + number] ?? -1)) ?? begin;
      },
    });
    yield;
  }
  const mean = sum / count;
  const shown = new Int32Array(width * height).fill(-1);
  const levels = new Int16Array(width * height).fill(BETWEEN);
  const across = fallOn(
    Float64Array.from(ends, (column) => columns.edges[column] ?? 0),
    width,
  );
  for (const band of bands) {
    const down = fallOn(headEdges(band), band.height);
    for (let y = 0; y < band.height; y++) {
      const numbers = band.numbers.slice(down.from[y], down.to[y]);
      for (let x = 0; x < width; x++) {
        const at = (band.top + y) * width + x;
        const some = groups.slice(across.from[x], across.to[x]);
        const { number, group, greatest, value } = mostStriking(some, numbers, mean);
        shown[at] = group ? group.columnOf(number, greatest) * heads + number : -1;
        levels[at] = Number.isNaN(value) ? BLANK : Math.round(MOST * value);
      }
      yield;
    }
  }
  return { plan, shown, levels };
}

/** Its colours, those of the cells: RGBA bytes. What is blank is transparent, what is between layers has the lines' colour. */
export function stripColours({ levels }: StripPicture, palette: Palette): Uint8ClampedArray<ArrayBuffer> {
  const tints = tintCells(
    palette,
    Float64Array.from({ length: MOST + 1 }, (_, level) => level / MOST),
  );
  const colours = new Uint32Array(tints.buffer);
  const line =
    new Uint32Array(Uint8Array.of(...palette.border.map((x) => Math.round(255 * x)), 255).buffer)[0] ?? 0;
  const pixels = new Uint32Array(levels.length);
  levels.forEach((level, i) => {
    if (level !== BLANK) pixels[i] = level === BETWEEN ? line : (colours[level] ?? 0);
  });
  return new Uint8ClampedArray(pixels.buffer);
}

/** Of those heads in some groups; the first one where nothing is known of any. */
function mostStriking(groups: readonly Group[], numbers: readonly number[], mean: number) {
  let best = { number: numbers[0] ?? 0, group: groups[0], greatest: false, value: Number.NaN };
  let most = -1;
  for (const group of groups) {
    for (const values of group.low === group.high ? [group.low] : [group.low, group.high]) {
      for (const number of numbers) {
        const value = values[number] ?? Number.NaN;
        const away = Math.abs(value - mean);
        if (!(away > most)) continue;
        most = away;
        best = { number, group, greatest: values !== group.low, value };
      }
    }
  }
  return best;
}
