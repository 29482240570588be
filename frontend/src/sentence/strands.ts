import { rise } from '../attention/lines';
import type { Rgb } from '../render/picture';

/** Where lines run on a canvas: device pixels throughout. */
export interface Loom {
  readonly width: number;
  readonly height: number;
  /** How far the sheet is scrolled. */
  readonly top: number;
  readonly row: number;
  /** How many keys stand on the right. */
  readonly keys: number;
}

interface Strand {
  readonly pair: number;
  readonly opacity: number;
  readonly thickness: number;
  /** Drawn with the second colour. */
  readonly second: boolean;
}

/** Thousands of thin lines as pixels, [height, width] RGBA. Drawn by hand: all lines share one curve, so a line costs
 * no more than the pixels of it that are seen, whereas a canvas flattens and clips every one of them by itself. */
export function weave(
  strands: readonly Strand[],
  loom: Loom,
  colours: readonly [Rgb, Rgb],
): Uint8ClampedArray<ArrayBuffer> {
  const { width, height } = loom;
  const covers = [new Float32Array(width * height), new Float32Array(width * height)] as const;
  for (const strand of strands) lay(strand, loom, covers[strand.second ? 1 : 0]);
  const [first, second] = colours.map((colour) => colour.map((x) => 255 * x)) as [number[], number[]];
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    const over = covers[0][i] ?? 0;
    const under = (covers[1][i] ?? 0) * (1 - over);
    const alpha = over + under;
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) {
      pixels[4 * i + c] = ((first[c] ?? 0) * over + (second[c] ?? 0) * under) / alpha;
    }
    pixels[4 * i + 3] = 255 * alpha;
  }
  return pixels;
}

/** The points of one line that are seen, with one more on either side: x and y in turn. */
export function seenPoints(pair: number, loom: Loom, every: number): number[] {
  const [from, climb] = ends(pair, loom);
  const rises = risesOf(loom.width);
  const points: number[] = [];
  const columns = Array.from({ length: Math.ceil(loom.width / every) }, (_, i) => i * every);
  columns.push(loom.width);
  const y = columns.map((x) => from + climb * (rises[x] ?? 1));
  columns.forEach((x, i) => {
    const near = [y[i - 1], y[i], y[i + 1]].filter((at) => at !== undefined);
    if (Math.max(...near) >= 0 && Math.min(...near) <= loom.height) points.push(x, y[i] ?? 0);
  });
  return points;
}

function lay({ pair, opacity, thickness }: Strand, loom: Loom, cover: Float32Array): void {
  const { width, height } = loom;
  const [from, climb] = ends(pair, loom);
  const rises = risesOf(width);
  const half = thickness / 2;
  for (let x = 0; x < width; x++) {
    const [a, b] = [from + climb * (rises[x] ?? 0), from + climb * (rises[x + 1] ?? 1)];
    const low = Math.min(a, b) - half;
    const high = Math.max(a, b) + half;
    const last = Math.min(height, Math.ceil(high));
    for (let y = Math.max(0, Math.floor(low)); y < last; y++) {
      const share = Math.min(y + 1, high) - Math.max(y, low);
      const i = y * width + x;
      const held = cover[i] ?? 0;
      cover[i] = held + (1 - held) * opacity * Math.min(1, share);
    }
  }
}

/** Height of the line's left end, and how much lower its right end is. */
function ends(pair: number, { keys, row, top }: Loom): [number, number] {
  const [query, key] = [Math.floor(pair / keys), pair % keys];
  return [(query + 0.5) * row - top, (key - query) * row];
}

let held = new Float32Array();

/** The curve's rise at every column's left edge, and at the last one's right. */
function risesOf(width: number): Float32Array {
  if (held.length !== width + 1) held = Float32Array.from({ length: width + 1 }, (_, x) => rise(x / width));
  return held;
}
