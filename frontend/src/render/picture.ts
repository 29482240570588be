import type { Camera } from './camera';
import type { HeadFigures } from './head_figures';
import type { Grid } from './layout';
import type { CellMaps } from './maps';
import type { Rotation } from './orbit';
import type { PointPatches } from './patches';
import type { Reach } from './place';
import type { StepPoints } from './positions';

export type Rgb = readonly [number, number, number]; // each in [0, 1]

/** Two steps that are drawn hollow under those of the picture, in its frame. */
export interface Ghost {
  readonly from: StepPoints;
  readonly to: StepPoints;
  readonly mix: number;
  /** As those of the picture. */
  readonly cells: Float32Array;
}

/** The way that some points of some heads went: a line for each of them. */
export interface Trails {
  /** The corners of each line, oldest first; the last two are the ends that the picture mixes, and the line stops
   * where the mix is. Points that are not known there are NaN. [heads, points, corners, dims] */
  readonly corners: Float32Array;
  readonly perLine: number;
  readonly perHead: number;
  /** Left, top, side of each head, unused. [heads, 4] */
  readonly cells: Float32Array;
  /** RGB bytes of each point, unused. [points, 4] */
  readonly styles: Uint8Array;
}

/** Everything that a scene shows. Arrays are compared by identity: a new array is uploaded, an old one is not. */
export interface Picture {
  readonly grid: Grid;
  readonly queries: number;
  readonly keys: number;
  readonly dims: 2 | 3;
  /** The two steps that are mixed; null while nothing has arrived. */
  readonly from: StepPoints | null;
  readonly to: StepPoints | null;
  readonly mix: number;
  readonly ghost?: Ghost | null;
  readonly trails?: Trails | null;
  readonly camera: Camera;
  readonly rotation: Rotation;
  /** How far points are shown where they are; beyond it, arrowheads stand at the border. Unless told otherwise, the
   * frame. */
  readonly reach?: Reach;
  /** Per head: left, top, side, and 0 if it has both steps, 1 only `from`, 2 only `to`, 3 neither. [heads, 4] */
  readonly cells: Float32Array;
  /** Per head: its background, RGBA bytes; null leaves the cells undrawn. [heads, 4] */
  readonly tints: Uint8Array | null;
  /** Per head: its border's colour and width, see `borderCells`; without it all have the plain one. [heads, 4] */
  readonly borders?: Uint8Array | null;
  /** Per point of a head: RGB bytes and level (1 plain, 2 lit, 3 the selected one, 4 and 5 likewise, in a colour
   * of their own whatever heads' figures say). [queries + keys, 4] */
  readonly styles: Uint8Array;
  /** Colours and sizes that are each head's own, over `styles`; costs nothing where there are none. */
  readonly figures?: HeadFigures | null;
  /** What the cells show in place of points: a map of each head. */
  readonly maps?: CellMaps | null;
  /** Points of images as their patches; without them all are plain marks. */
  readonly patches?: PointPatches | null;
  /** Whether something is selected: then points below level 2 step back. */
  readonly selecting: boolean;
  readonly drawList: Uint32Array;
  /** How many heads the draw list shows. */
  readonly visible: number;
  /** Css pixels. */
  readonly pointSize: number;
  readonly surface: Rgb;
  readonly border: Rgb;
  readonly accent: Rgb;
  /** Numbers of heads that are marked, or -1. */
  readonly hovered: number;
  readonly opened: number;
}

/** `cells` of a picture: where the heads lie, and which of the two steps each has. */
export function cellsOf(
  { rects }: Pick<Grid, 'rects'>,
  from: StepPoints | null,
  to: StepPoints | null,
): Float32Array {
  const cells = new Float32Array(rects);
  for (let head = 0; head < rects.length / 4; head++) {
    const hasFrom = Boolean(from?.heads[head]);
    const hasTo = Boolean(to?.heads[head]);
    cells[4 * head + 3] = hasFrom ? (hasTo ? 0 : 1) : hasTo ? 2 : 3;
  }
  return cells;
}

/** What lies under a picture, of a second pair of steps that is mixed like the first. */
export function ghostOf(
  under: Pick<Ghost, 'from' | 'to'> | null,
  mix: number,
  cells: Float32Array | null,
): Ghost | null {
  return under && cells && { from: under.from, to: under.to, mix, cells };
}

/** Css pixels across a point, for a cell of this side that shows this many. */
export function pointSize(side: number, count: number): number {
  const even = (0.22 * side) / Math.sqrt(Math.max(1, count));
  return Math.min(7, Math.max(1.1 + Math.sqrt(side) / 7.5, even));
}
