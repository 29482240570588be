import { FLAT, PERSPECTIVE, project, type Rotation } from './orbit';
import { EDGE_OF_FRAME, INSET, OWN_FRAME, type Reach, RIM, reachOf } from './place';
import type { StepPoints } from './positions';

export interface Cloud {
  readonly dims: 2 | 3;
  readonly from: StepPoints;
  readonly to: StepPoints;
  readonly mix: number;
  readonly rotation?: Rotation;
  /** Of the view: points beyond it stand at its border. Unless told otherwise, the frame. */
  readonly reach?: Reach;
}

/** The point of one head that lies nearest to a place of its cell, among those that are drawn.
 * @param head its number, counted over all layers
 * @param x, y the place, and `reach` the farthest that counts, in shares of the cell's side
 * @returns the number of the point within the head, or null */
export function nearestPoint(
  cloud: Cloud,
  head: number,
  x: number,
  y: number,
  reach: number,
  drawn: Iterable<number>,
): number | null {
  let nearest: number | null = null;
  let best = reach * reach;
  for (const point of drawn) {
    const place = placeOf(cloud, head, point);
    if (!place) continue;
    const distance = (place[0] - x) ** 2 + (place[1] - y) ** 2;
    // "Not farther", so that of two at one place the one drawn later, and so on top, is taken.
    if (distance <= best) {
      best = distance;
      nearest = point;
    }
  }
  return nearest;
}

/** Where the points shader puts a point. */
export interface Spot {
  /** In shares of the cell's side, from its upper left corner. */
  readonly x: number;
  readonly y: number;
  /** How near it is to the eye, in [-√3, √3], and how much larger it looks for that. */
  readonly z: number;
  readonly grow: number;
  /** How many frames it lies from the middle: outside of the frame from 1 on. */
  readonly far: number;
  /** Where it went, if it stands at the border in place of where it is: a direction on screen, of length 1. */
  readonly out: readonly [number, number] | null;
  /** How far it lies in shares of the way to the border. */
  readonly beyond: number;
}

/** Null if the point is not drawn. */
export function spotOf(
  { dims, from, to, mix, rotation, reach }: Cloud,
  head: number,
  point: number,
): Spot | null {
  const start = point * dims;
  const before = from.heads[head];
  const after = to.heads[head];
  if (!before && !after) return null;
  let t = !after ? 0 : !before ? 1 : mix;
  // A point that one of the two steps does not have stays where the other has it, for its half of the way.
  if (!finite(before, start, dims) || !finite(after, start, dims)) t = t < 0.5 ? 0 : 1;
  const at = (axis: number) => {
    const b = before?.[start + axis] ?? 0;
    const a = after?.[start + axis] ?? 0;
    return t === 0 ? b : t === 1 ? a : b + t * (a - b);
  };
  return spotAt([at(0), at(1), dims === 3 ? at(2) : 0], dims, rotation, reach);
}

/** Where a place of the frame is seen; null for one that is nowhere. */
export function spotAt(
  place: readonly [number, number, number],
  dims: 2 | 3,
  turn: Rotation = FLAT,
  reach: Reach = OWN_FRAME,
): Spot | null {
  let [x, y, z] = place;
  const far = Math.max(Math.abs(x), Math.abs(y), Math.abs(z));
  if (!Number.isFinite(far)) return null;
  const beyond = reachOf(x, y, z, reach);
  const out = beyond > EDGE_OF_FRAME ? direction(place, dims, turn) : null;
  if (beyond > 1) {
    const pull = (1 + RIM * (1 - 1 / beyond)) / beyond;
    [x, y, z] = [x * pull, y * pull, z * pull];
  }
  const [px, py] = dims === 3 ? project(turn, x, y, z) : [x, y];
  const near = dims === 3 ? turn[2] * x + turn[5] * y + turn[8] * z : 0;
  const grow = dims === 3 ? 1 / (1 - PERSPECTIVE * near) : 1;
  return { x: 0.5 + 0.5 * INSET * px, y: 0.5 - 0.5 * INSET * py, z: near, grow, far, out, beyond };
}

/** The same, its place alone. */
export function placeOf(cloud: Cloud, head: number, point: number): readonly [number, number] | null {
  const spot = spotOf(cloud, head, point);
  return spot && [spot.x, spot.y];
}

/** How many frames from the middle a point lies, if it is outside of its frame; else null. */
export function beyondFrame(cloud: Cloud, head: number, point: number): number | null {
  const far = spotOf(cloud, head, point)?.far ?? 0;
  return far > EDGE_OF_FRAME ? far : null;
}

/** On screen, y down; to the right for what lies straight before or behind the middle. */
function direction(
  [x, y, z]: readonly [number, number, number],
  dims: 2 | 3,
  r: Rotation,
): readonly [number, number] {
  const across = dims === 3 ? r[0] * x + r[3] * y + r[6] * z : x;
  const down = -(dims === 3 ? r[1] * x + r[4] * y + r[7] * z : y);
  const length = Math.hypot(across, down);
  return length > 1e-6 ? [across / length, down / length] : [1, 0];
}

function finite(points: Float32Array | null | undefined, start: number, dims: number): boolean {
  for (let i = start; i < start + dims; i++) if (!Number.isFinite(points?.[i])) return false;
  return true;
}
