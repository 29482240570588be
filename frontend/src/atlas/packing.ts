import { gridOf, type PatchPlace } from '../run/grids';
import type { TokenIndex } from '../run/places';
import type { GridSize } from '../run/types';
import { imageNumber } from './probe_images';

/** How all images of a probe lie in one texture. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Packing {
  readonly width: number;
  readonly height: number;
  /** Of each image, in pixels; null where there is none. */
  readonly boxes: readonly (Box | null)[];
}

/** Pixels of a texture's side that WebGL 2 has on every computer that we know of. */
const MOST_PIXELS = 4096;

/** Equal cells in rows, as wide and high as the widest and highest image; all made smaller by one factor if they would not fit.
 * @param sizes of the images in pixels; null: there is none */
export function pack(
  sizes: readonly ({ readonly width: number; readonly height: number } | null)[],
  most = MOST_PIXELS,
): Packing {
  const present = sizes.filter((size) => size !== null);
  const widest = Math.max(1, ...present.map(({ width }) => width));
  const highest = Math.max(1, ...present.map(({ height }) => height));
  let best = { columns: 1, scale: 0, waste: Number.POSITIVE_INFINITY };
  for (let columns = 1; columns <= Math.max(1, present.length); columns++) {
    const rows = Math.ceil(present.length / columns);
    const scale = Math.min(1, most / (columns * widest), most / (Math.max(1, rows) * highest));
    const waste = Math.max(columns * widest, rows * highest);
    if (scale > best.scale || (scale === best.scale && waste < best.waste)) best = { columns, scale, waste };
  }
  const { columns, scale } = best;
  const scaled = (pixels: number) => Math.max(1, Math.floor(pixels * scale));
  const [cellWidth, cellHeight] = [scaled(widest), scaled(highest)];
  let number = 0;
  const boxes = sizes.map((size): Box | null => {
    if (!size) return null;
    const [row, column] = [Math.floor(number / columns), number++ % columns];
    return {
      left: column * cellWidth,
      top: row * cellHeight,
      width: scaled(size.width),
      height: scaled(size.height),
    };
  });
  const rows = Math.max(1, Math.ceil(number / columns));
  return { width: cellWidth * Math.min(columns, Math.max(1, number)), height: cellHeight * rows, boxes };
}

/** Left, top, right and bottom of each token's patch in the texture, in pixels; zeros for what has no patch. [tokens, 4] */
export function rectangles(index: TokenIndex, { boxes }: Packing): Float32Array {
  const found = new Float32Array(4 * index.tokens);
  index.lists.forEach(({ sequences, first }, list) => {
    sequences.forEach((entry, sequence) => {
      const patches = gridOf(entry);
      const box = boxes[imageNumber(index, list, sequence)];
      if (!box || !patches) return;
      patches.places.forEach((place, i) => {
        if (place) found.set(patchOf(box, patches.grid, place), 4 * ((first[sequence] ?? 0) + i));
      });
    });
  });
  return found;
}

/** Left, top, right and bottom of one patch of an image that lies in a box. */
function patchOf(
  { left, top, width, height }: Box,
  { rows, columns }: GridSize,
  [row, column]: PatchPlace,
): readonly [number, number, number, number] {
  const [x, y] = [left + (column * width) / columns, top + (row * height) / rows];
  return [x, y, x + width / columns, y + height / rows];
}
