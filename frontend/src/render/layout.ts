import type { HeadPlace } from '../run/head';
/** Where every head's cell lies, in world units: one is the pitch of the cells. A head that is not shown has no cell. */

/** Share of a pitch that is left free between cells. */
export const GAP = 0.07;
/** Thickness of a layer that is folded, of a pitch: its heads are tiles, which show their tint alone. */
export const FOLDED = 0.3;
/** Css pixels of a cell's side from which on points or a map in it can be read; a smaller one is a tile. */
export const LEGIBLE = 12;

/** How heads are counted: over all layers, one layer after the other. */
export interface Numbering {
  /** Heads of each layer; layers may differ. */
  readonly heads: readonly number[];
  /** Number of each layer's first head. */
  readonly first: readonly number[];
  readonly total: number;
}

/** Cells that stand side by side; of a grid that is turned one below the other. */
export interface Row {
  readonly top: number;
  /** 1, or that of a layer that is folded. */
  readonly thickness: number;
  /** The layer whose heads these are; null where heads of all layers stand in one order. */
  readonly layer: number | null;
  /** The number of the head in each column, or −1. */
  readonly numbers: Int32Array;
}

/** A name above the rows of one module. */
export interface Heading {
  readonly title: string;
  /** Where its rows begin. */
  readonly top: number;
}

export interface Grid extends Numbering {
  /** Whether x and y are exchanged: rows stand side by side, from left to right. */
  readonly turned: boolean;
  /** From top to bottom. */
  readonly rows: readonly Row[];
  readonly columns: number;
  readonly headings: readonly Heading[];
  readonly width: number;
  readonly height: number;
  /** How many heads have a cell. */
  readonly shown: number;
  /** Per head: left, top, side, unused; a side of 0 where it has no cell. [total, 4] */
  readonly rects: Float32Array;
}

export function countHeads(heads: readonly number[]): Numbering {
  const first: number[] = [];
  let total = 0;
  for (const count of heads) {
    first.push(total);
    total += count;
  }
  return { heads, first, total };
}

/** Layers down, heads across. */
export function makeGrid(heads: readonly number[], gap = GAP): Grid {
  const numbering = countHeads(heads);
  const columns = Math.max(1, ...heads);
  const rows = heads.map((count, layer) => ({
    top: layer,
    thickness: 1,
    layer,
    numbers: Int32Array.from({ length: columns }, (_, head) =>
      head < count ? (numbering.first[layer] ?? 0) + head : -1,
    ),
  }));
  return placeRows(numbering, rows, [], gap);
}

/** The grid of these rows, of which every one has the same number of columns. */
export function placeRows(
  numbering: Numbering,
  rows: readonly Row[],
  headings: readonly Heading[] = [],
  gap = GAP,
  turned = false,
): Grid {
  const rects = new Float32Array(4 * numbering.total);
  let shown = 0;
  for (const { top, thickness, numbers } of rows) {
    const side = thickness * (1 - gap);
    numbers.forEach((number, column) => {
      if (number < 0) return;
      const [across, down] = [column + (1 - side) / 2, top + (thickness - side) / 2];
      rects.set(turned ? [down, across, side, 0] : [across, down, side, 0], 4 * number);
      shown++;
    });
  }
  const columns = rows[0]?.numbers.length ?? 1;
  const last = rows.at(-1);
  const size = [columns, last ? last.top + last.thickness : 1] as const;
  const [width, height] = turned ? [size[1], size[0]] : size;
  return { ...numbering, turned, rows, columns, headings, width, height, shown, rects };
}

export function headNumber({ first }: Numbering, { layer, head }: HeadPlace): number {
  return (first[layer] ?? 0) + head;
}

export function headPlace({ first }: Numbering, number: number): HeadPlace {
  let layer = first.length - 1;
  while (layer > 0 && (first[layer] ?? 0) > number) layer--;
  return { layer, head: number - (first[layer] ?? 0) };
}

/** Where a head's cell lies; null if it has none. */
export function cellOf(
  { rects }: Pick<Grid, 'rects'>,
  number: number,
): { readonly x: number; readonly y: number; readonly side: number } | null {
  const [x = 0, y = 0, side = 0] = rects.subarray(4 * number, 4 * number + 3);
  return side > 0 ? { x, y, side } : null;
}

/** The head at a place of the world, or null. */
export function headAt(grid: Grid, x: number, y: number): HeadPlace | null {
  const [across, down] = grid.turned ? [y, x] : [x, y];
  const row = rowAt(grid, x, y);
  if (!row || down < row.top || across < 0) return null;
  const number = row.numbers[Math.floor(across)] ?? -1;
  return number < 0 ? null : headPlace(grid, number);
}

/** The row at a place of the world, whether or not it has a head there. */
export function rowAt({ rows, turned }: Grid, x: number, y: number): Row | null {
  const down = turned ? x : y;
  const row = rows[rowBefore(rows, down)];
  return row && down >= row.top && down < row.top + row.thickness ? row : null;
}

/** Numbers of the heads whose cells touch the given part of the world; those of layers that are folded are tiles. */
export function headsWithin(
  { rows, columns, turned }: Grid,
  left: number,
  top: number,
  right: number,
  bottom: number,
): Uint32Array {
  const [first, low, last, high] = turned ? [top, left, bottom, right] : [left, top, right, bottom];
  const found: number[] = [];
  for (let i = rowBefore(rows, low); i < rows.length; i++) {
    const row = rows[i];
    if (!row || row.top >= high) break;
    if (row.top + 1 <= low || row.thickness < 1) continue;
    const end = Math.min(columns, Math.ceil(last));
    for (let column = Math.max(0, Math.floor(first)); column < end; column++) {
      const number = row.numbers[column] ?? -1;
      if (number >= 0) found.push(number);
    }
  }
  return Uint32Array.from(found);
}

/** The next head in a direction. At the rim it stays; a row that has no head there gives its nearest one; where heads
 * stand in one order over all rows, the end of a row leads to the next. From a head without a cell: the first one. */
export function neighbour(grid: Grid, from: HeadPlace, dx: number, dy: number): HeadPlace {
  const { rows } = grid;
  const cell = cellOf(grid, headNumber(grid, from));
  if (!cell) return firstHead(grid) ?? from;
  const [along, over] = grid.turned ? [dy, dx] : [dx, dy];
  const at = rowBefore(rows, grid.turned ? cell.x : cell.y);
  const column = Math.floor(grid.turned ? cell.y : cell.x);
  if (over !== 0) {
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + over))];
    return row ? headPlace(grid, nearestIn(row.numbers, column + along)) : from;
  }
  const row = rows[at];
  for (let x = column + along; row && x >= 0 && x < row.numbers.length; x += along) {
    const number = row.numbers[x] ?? -1;
    if (number >= 0) return headPlace(grid, number);
  }
  const next = row?.layer === null ? rows[at + along] : undefined;
  return next ? headPlace(grid, nearestIn(next.numbers, along > 0 ? 0 : next.numbers.length - 1)) : from;
}

export function firstHead(grid: Grid): HeadPlace | null {
  const first = grid.rows[0]?.numbers.find((number) => number >= 0);
  return first === undefined ? null : headPlace(grid, first);
}

/** Cells on their way from one arrangement to another. One that comes or goes grows or shrinks where it is.
 * @param share of the way, in [0, 1] */
export function glide(from: Float32Array, to: Float32Array, share: number): Float32Array {
  const rects = new Float32Array(to.length);
  for (let i = 0; i < rects.length; i += 4) {
    const [before = 0, after = 0] = [from[i + 2], to[i + 2]];
    const [a, b] = [before > 0 ? from : to, after > 0 ? to : from]; // where there is no cell, the place of the other
    const side = before + share * (after - before);
    const inset = before > 0 && after > 0 ? 0 : (Math.max(before, after) - side) / 2;
    for (let axis = 0; axis < 2; axis++) {
      const [low = 0, high = 0] = [a[i + axis], b[i + axis]];
      rects[i + axis] = low + share * (high - low) + inset;
    }
    rects[i + 2] = side;
  }
  return rects;
}

/** Number of the last row that begins at or above this height; 0 if none does. */
function rowBefore(rows: readonly Row[], y: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((rows[middle]?.top ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The head in or beside a column: every row has one. */
function nearestIn(numbers: Int32Array, column: number): number {
  let best = -1;
  numbers.forEach((number, i) => {
    if (number >= 0 && (best < 0 || Math.abs(i - column) < Math.abs(best - column))) best = i;
  });
  return numbers[best] ?? 0;
}
