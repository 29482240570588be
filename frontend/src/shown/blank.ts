const known = new WeakMap<Float32Array, boolean>();

/** Whether none of a head's points has a place. */
export function isBlank(points: Float32Array): boolean {
  const held = known.get(points);
  if (held !== undefined) return held;
  const found = points.every(Number.isNaN);
  known.set(points, found);
  return found;
}
