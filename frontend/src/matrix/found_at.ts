import { type Camera, toWorld, within } from '../render/camera';
import { cellOf, type Grid, headAt, headNumber } from '../render/layout';
import { type Cloud, nearestPoint } from '../render/pick';
import type { Found } from './matrix_hand.svelte';

/** Css pixels around the pointer in which a point is found. */
const REACH = 8;

interface Drawn {
  readonly grid: Grid;
  readonly camera: Camera;
  /** The points that are drawn; null where cells show none. */
  readonly cloud: Cloud | null;
  /** How large points are that are drawn as patches, css pixels. */
  readonly patches: { readonly size: number } | null;
  /** Numbers of the points that are drawn of a layer's heads. */
  pointsOf(layer: number): readonly number[];
}

/** The head, and the point of it, at a place of the matrix in css pixels. */
export function foundAt(
  { grid, camera, cloud, patches, pointsOf }: Drawn,
  px: number,
  py: number,
): Found | null {
  const [x, y] = toWorld(camera, px, py);
  const place = headAt(grid, x, y);
  const number = place ? headNumber(grid, place) : -1;
  const cell = place && cellOf(grid, number);
  if (!place || !cell) return null;
  if (!cloud) return { place, point: null };
  const [cx, cy] = toWorld(within(camera, cell), px, py);
  const reach = Math.max(REACH, (patches?.size ?? 0) / 2);
  const side = cell.side * camera.scale;
  return { place, point: nearestPoint(cloud, number, cx, cy, reach / side, pointsOf(place.layer)) };
}
