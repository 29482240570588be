import { type Series, share } from '../health/health';
import { type Palette, tintCells } from '../render/colours';
import { type Band, type Columns, fallOn, headEdges } from './strip';

/** What the strip shows of a figure. */
export interface StripPlan {
  readonly series: Series;
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

export const MOST = 1023;
export const BLANK = -1;
const BETWEEN = -2;

/** Where several heads or steps fall on one pixel, it shows the value that stands out most: the one that is farthest, along
 * the figure's scale, from the mean of all the shown heads at all steps. Pauses after every step and every row. */
export function* pooled(plan: StripPlan): Generator<void, StripPicture> {
  const { series, bands, columns, width, height } = plan;
  const { heads } = series;
  const shares: Float32Array[] = []; // [columns, heads]: made one by one, as 5,120 heads at 1,000 steps are 20 MB
  const all = bands.flatMap(({ numbers }) => numbers);
  let [sum, count] = [0, 0];
  for (const row of columns.rows) {
    const own = new Float32Array(heads).fill(Number.NaN);
    shares.push(own);
    for (const number of row < 0 ? [] : all) {
      const value = share(series.scale, series.values[row * heads + number] ?? Number.NaN);
      own[number] = value;
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    yield;
  }
  const mean = sum / count;
  const shown = new Int32Array(width * height).fill(-1);
  const levels = new Int16Array(width * height).fill(BETWEEN);
  const across = fallOn(columns.edges, width);
  for (const band of bands) {
    const down = fallOn(headEdges(band), band.height);
    for (let y = 0; y < band.height; y++) {
      const numbers = band.numbers.slice(down.from[y], down.to[y]);
      for (let x = 0; x < width; x++) {
        const at = (band.top + y) * width + x;
        const [from = 0, to = 0] = [across.from[x], across.to[x]];
        const best = from < to ? mostStriking(shares, heads, numbers, from, to, mean) : -1;
        const value = shares[Math.floor(best / heads)]?.[best % heads] ?? Number.NaN;
        shown[at] = best;
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

/** Of those heads at the steps from one column to before another; the first one where nothing is known of any. */
function mostStriking(
  shares: readonly Float32Array[],
  heads: number,
  numbers: readonly number[],
  from: number,
  to: number,
  mean: number,
): number {
  let best = from * heads + (numbers[0] ?? 0);
  let most = -1;
  for (let column = from; column < to; column++) {
    const own = shares[column];
    for (const number of numbers) {
      const away = Math.abs((own?.[number] ?? Number.NaN) - mean);
      if (!(away > most)) continue;
      most = away;
      best = column * heads + number;
    }
  }
  return best;
}
