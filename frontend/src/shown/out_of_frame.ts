import { EDGE_OF_FRAME } from '../render/place';

/** Share of a head's coordinates that may lie outside its frame before the picture misleads; of the steps that it was
 * fitted to, up to 0.04 do. */
const TOLERATED = 0.08;

const known = new WeakMap<Float32Array, boolean>();

/** Whether a head has outgrown its frame. `points`: [points, dims] */
export function isOutOfFrame(points: Float32Array): boolean {
  const held = known.get(points);
  if (held !== undefined) return held;
  let outside = 0;
  for (const x of points) if (Math.abs(x) > EDGE_OF_FRAME) outside++;
  const found = outside > TOLERATED * points.length;
  known.set(points, found);
  return found;
}
