import type { GridSize, Sequence } from './types';

/** Row and column of a patch. */
export type PatchPlace = readonly [row: number, column: number];

/** Where the tokens of an image are in it. */
export interface Patches {
  readonly grid: GridSize;
  /** Of each token; null for those without a place. */
  readonly places: readonly (PatchPlace | null)[];
}

/** The grid of an image's tokens, as a list of tokens has it; null of what is no image. */
export function gridOf(sequence: Sequence | undefined): Patches | null {
  return sequence?.grid && sequence.places ? { grid: sequence.grid, places: sequence.places } : null;
}

/** Tokens by their places, row by row; −1 where there is none. [rows · columns] */
export function tokensOf({ grid, places }: Patches): Int32Array {
  const tokens = new Int32Array(grid.rows * grid.columns).fill(-1);
  places.forEach((place, token) => {
    if (place) tokens[place[0] * grid.columns + place[1]] = token;
  });
  return tokens;
}
