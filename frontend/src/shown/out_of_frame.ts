/** Share of a head's points that may lie outside its frame before the picture misleads. */
const TOLERATED = 0.05;

const known = new WeakMap<Float32Array, boolean>();

/** Whether a head has outgrown its frame. `points`: [points, dims] */
export function isOutOfFrame(points: Float32Array): boolean {
  const held = known.get(points);
  if (held !== undefined) return held;
  let outside = 0;
  for (const x of points) if (Math.abs(x) > 1.001) outside++;
  const found = outside > TOLERATED * points.length;
  known.set(points, found);
  return found;
}
