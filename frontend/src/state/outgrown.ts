/** Share of a head's points that may lie outside its frame before the picture misleads. */
const TOLERATED = 0.05;

const known = new WeakMap<Float32Array, number>();

/** How many heads of a layer have outgrown their frame. `points`: [heads, points per head, dims] */
export function outgrownHeads(points: Float32Array, heads: number): number {
  const held = known.get(points);
  if (held !== undefined) return held;
  const floats = points.length / Math.max(1, heads);
  let found = 0;
  for (let head = 0; head < heads; head++) {
    let outside = 0;
    for (let i = head * floats; i < (head + 1) * floats; i++) if (Math.abs(points[i] ?? 0) > 1.001) outside++;
    if (outside > TOLERATED * floats) found++;
  }
  known.set(points, found);
  return found;
}
