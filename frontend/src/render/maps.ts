import type { CellFrame } from './cell_frames';
import type { Rgb } from './picture';

/** Maps in cells: a number for each place of a small grid, of every head; of two steps that are mixed. */
export interface CellMaps {
  /** [heads, rows, columns] of codes, see `valueOfCode`. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly mix: number;
  readonly rows: number;
  readonly columns: number;
  /** Heat: each place has the colour of its number. Bars: each column, of one row, is as high as its number, in a colour of
   * its own. */
  readonly form: 'heat' | 'bars';
  /** Of heat: the colour of the line around the place in the middle, the query's own; null: there is none such. */
  readonly middle: Rgb | null;
  /** The number that has the last colour, or the full height. */
  readonly most: number;
  /** RGBA bytes: of heat those of [0, most], even in its square root, the first one is never used [256, 4]; of bars those of
   * each column [columns, 4]. */
  readonly colours: Uint8Array;
  /** 1, or less where they stand in for what is still on its way. */
  readonly opacity: number;
  /** Css pixels at the top of a cell that the map leaves to words. */
  readonly strip: number;
}

/** How much of a cell's side stays free around its map: there one sees the cell's tint. */
export const RIM = 0.035;

/** Css pixels of the line around the place in the middle, about, and of a place that has room for it. */
export const LINE = 1.5;
export const ROOM_FOR_LINE = 6;

const VALUES = Float32Array.from({ length: 256 }, (_, code) =>
  code === 0 ? Number.NaN : ((code - 1) / 254) ** 2,
);

/** The number that a code stands for; NaN: there is none. */
export function valueOfCode(code: number): number {
  return VALUES[code] ?? Number.NaN;
}

/** The code that stands for a number. */
export function codeOf(value: number): number {
  return Number.isNaN(value) ? 0 : 1 + Math.round(254 * Math.sqrt(Math.min(1, Math.max(0, value))));
}

/** A head's number between the two steps; where one of them has none, the other's. */
export function mixedValue({ from, to, mix }: Pick<CellMaps, 'from' | 'to' | 'mix'>, at: number): number {
  const [a, b] = [valueOfCode(from[at] ?? 0), valueOfCode(to[at] ?? 0)];
  if (Number.isNaN(a)) return b;
  return Number.isNaN(b) ? a : a + mix * (b - a);
}

/** Where in its cell a map lies, css pixels: as the shader has it. */
export function mapBox(
  {
    left,
    top,
    right,
    bottom,
    mark,
    wall,
    tile,
  }: Pick<CellFrame, 'left' | 'top' | 'right' | 'bottom' | 'mark' | 'wall' | 'tile'>,
  { rows, columns, form, strip }: Pick<CellMaps, 'rows' | 'columns' | 'form' | 'strip'>,
  ratio: number,
): { readonly left: number; readonly top: number; readonly width: number; readonly height: number } {
  const snapped = (x: number) => Math.round(x * ratio) / ratio;
  const side = right - left;
  const rim = snapped(Math.max(mark, wall) + RIM * side);
  const above = Math.max(rim, snapped(strip));
  const [across, down] = tile ? [0, 0] : [Math.max(0, side - 2 * rim), Math.max(0, side - above - rim)];
  const each = Math.min(across, down) / Math.max(rows, columns);
  const [width, height] = form === 'bars' ? [across, down] : [each * columns, each * rows];
  return {
    left: left + rim + (across - width) / 2,
    top: top + above + (bottom - top - side + down - height) / 2,
    width,
    height,
  };
}

/** The line around the place in the middle, css pixels: as the shader has it, its outer sides and its width are whole device
 * pixels, so that all four lines are alike. Null where there is no room within it.
 * @param box where the map lies */
export function middleLine(
  { left, top, width, height }: ReturnType<typeof mapBox>,
  { rows, columns }: Pick<CellMaps, 'rows' | 'columns'>,
  ratio: number,
): {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly line: number;
} | null {
  const [wide, tall] = [width / columns, height / rows];
  if (Math.min(wide, tall) <= ROOM_FOR_LINE) return null;
  const snapped = (x: number) => Math.round(x * ratio) / ratio;
  const [x, y] = [left + (width - wide) / 2, top + (height - tall) / 2];
  const [first, above] = [snapped(x), snapped(y)];
  return {
    left: first,
    top: above,
    width: snapped(x + wide) - first,
    height: snapped(y + tall) - above,
    line: Math.max(1, Math.round(LINE * ratio)) / ratio,
  };
}
