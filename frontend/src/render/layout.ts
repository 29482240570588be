/** Where every head's cell lies. World units: one cell pitch; layers go down, heads go across. */

/** Share of a pitch that is left free between cells. */
const GAP = 0.07;

export interface Grid {
  /** Heads of each layer; layers may differ. */
  readonly heads: readonly number[];
  /** Number of the layer's first head, counted over all layers. */
  readonly first: readonly number[];
  readonly total: number;
  readonly rows: number;
  readonly columns: number;
  /** Per head: left, top, side, unused. [total, 4] */
  readonly rects: Float32Array;
}

export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

export function makeGrid(heads: readonly number[], gap = GAP): Grid {
  const first: number[] = [];
  let total = 0;
  for (const count of heads) {
    first.push(total);
    total += count;
  }
  const rects = new Float32Array(4 * total);
  let i = 0;
  heads.forEach((count, layer) => {
    for (let head = 0; head < count; head++) {
      rects.set([head + gap / 2, layer + gap / 2, 1 - gap, 0], 4 * i++);
    }
  });
  return { heads, first, total, rows: heads.length, columns: Math.max(1, ...heads), rects };
}

export function headNumber(grid: Grid, { layer, head }: HeadPlace): number {
  return (grid.first[layer] ?? 0) + head;
}

export function headPlace(grid: Grid, number: number): HeadPlace {
  let layer = grid.first.length - 1;
  while (layer > 0 && (grid.first[layer] ?? 0) > number) layer--;
  return { layer, head: number - (grid.first[layer] ?? 0) };
}

/** The head at a place of the world, or null. */
export function headAt(grid: Grid, x: number, y: number): HeadPlace | null {
  const layer = Math.floor(y);
  const head = Math.floor(x);
  const heads = grid.heads[layer];
  return heads !== undefined && head >= 0 && head < heads ? { layer, head } : null;
}

/** Numbers of the heads whose cells touch the given part of the world. */
export function headsWithin(
  grid: Grid,
  left: number,
  top: number,
  right: number,
  bottom: number,
): Uint32Array {
  const found: number[] = [];
  for (let layer = Math.max(0, Math.floor(top)); layer < Math.min(grid.rows, Math.ceil(bottom)); layer++) {
    const last = Math.min(grid.heads[layer] ?? 0, Math.ceil(right));
    for (let head = Math.max(0, Math.floor(left)); head < last; head++) {
      found.push((grid.first[layer] ?? 0) + head);
    }
  }
  return Uint32Array.from(found);
}

/** The next head in a direction; at the rim it stays, and a short layer takes its last head. */
export function neighbour(grid: Grid, from: HeadPlace, dx: number, dy: number): HeadPlace {
  const layer = Math.min(grid.rows - 1, Math.max(0, from.layer + dy));
  const head = Math.min((grid.heads[layer] ?? 1) - 1, Math.max(0, from.head + dx));
  return { layer, head };
}
