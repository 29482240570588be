import type { GridSize, Layer, Sequence } from '../api/types';

/** Row and column of a patch. */
export type PatchPlace = readonly [row: number, column: number];

/** Where the tokens of an image are in it. */
export interface Patches {
  readonly grid: GridSize;
  /** Of each token; null for those without a place. */
  readonly places: readonly (PatchPlace | null)[];
}

/** The grid that a layer's queries and keys have over a sequence: a layer's own (Swin), or the sequence's; null for
 * what is no image. */
export function gridOf(layer: Layer | null | undefined, sequence: Sequence | undefined): Patches | null {
  const own = layer?.query_grid;
  if (own) return { grid: own, places: placesOf(own) };
  if (!sequence?.grid || !sequence.places) return null;
  return { grid: sequence.grid, places: sequence.places };
}

function placesOf({ rows, columns }: GridSize): PatchPlace[] {
  return Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);
}

/** Tokens by their places, row by row; −1 where there is none. [rows · columns] */
export function tokensOf({ grid, places }: Patches): Int32Array {
  const tokens = new Int32Array(grid.rows * grid.columns).fill(-1);
  places.forEach((place, token) => {
    if (place) tokens[place[0] * grid.columns + place[1]] = token;
  });
  return tokens;
}
