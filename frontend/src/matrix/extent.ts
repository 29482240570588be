import type { Grid } from '../render/layout';

/** What the camera sees as all of the matrix. */
export interface Extent {
  readonly width: number;
  readonly height: number;
  readonly axes: number;
}

export function extentOf({ width, height, rows }: Grid): Extent {
  return { width, height, axes: rows[0]?.layer === null ? 0 : 1 };
}

export function mixExtents(from: Extent, to: Extent, share: number): Extent {
  const mix = (key: keyof Extent) => from[key] + share * (to[key] - from[key]);
  return { width: mix('width'), height: mix('height'), axes: mix('axes') };
}
