import type { Size } from '../base/size';
import { GAP, LEGIBLE } from './layout';
import type { Picture, Rgb } from './picture';
import { squareOf } from './svg_ink';

/** The widest border that tells a figure: css pixels, and share of the cell's side. */
export const WIDEST = 5;
export const WIDEST_SHARE = 0.09;
/** What a tile covers beyond its cell on each side, as a share of the side: half of the gap. */
export const TILE = GAP / (1 - GAP) / 2;
/** Device pixels by which borders of tiles are moved before they are rounded: no place of a grid is near a half then. */
export const NUDGE = 0.013;

/** A cell as the shader of the cells' pass lays it out: css pixels, all of them whole device pixels. */
export interface CellFrame {
  readonly head: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** How wide the mark is, and how far the border goes into the cell: under the mark, and beyond it where it is wider. */
  readonly mark: number;
  readonly wall: number;
  readonly border: Rgb;
  readonly tint: Rgb;
  /** Whether it is too small for more than its tint. */
  readonly tile: boolean;
}

/** The cells that are in view, none where cells are not drawn. @param ratio device pixels per css pixel */
export function cellFrames(picture: Picture, size: Size, ratio: number): CellFrame[] {
  const { tints, borders, grid, opened, hovered, cells, camera } = picture;
  if (!tints) return [];
  const snapped = (place: number) => Math.round(place * ratio) / ratio;
  const frames: CellFrame[] = [];
  for (let head = 0; head < grid.total; head++) {
    const [x, y, side] = squareOf(cells, head, camera);
    if (side === 0 || x > size.width || y > size.height || x + side < 0 || y + side < 0) continue;
    const tile = side < LEGIBLE;
    const spare = tile ? TILE * side : 0;
    const placed = (at: number) => snapped(at - (tile ? NUDGE / ratio : 0));
    const [left, top] = [placed(x - spare), placed(y - spare)];
    const [right, bottom] = [placed(x + side + spare), placed(y + side + spare)];
    const widest = Math.min(WIDEST, WIDEST_SHARE * Math.min(right - left, bottom - top));
    const own = borders ? (borders[4 * head + 3] ?? 0) / 255 : 0;
    frames.push({
      head,
      left,
      top,
      right,
      bottom,
      mark: head === opened ? 2 : head === hovered ? 1 : 0,
      wall: snapped((tile ? 0 : 1) + own * Math.max(0, widest - 1)),
      border: borders ? rgbAt(borders, head) : picture.border,
      tint: rgbAt(tints, head),
      tile,
    });
  }
  return frames;
}

/** A colour among RGBA bytes. */
function rgbAt(colours: Uint8Array, head: number): Rgb {
  const [red = 0, green = 0, blue = 0] = colours.subarray(4 * head, 4 * head + 3);
  return [red / 255, green / 255, blue / 255];
}
