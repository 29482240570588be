import type { Trails } from './picture';

type Heads = readonly (Float32Array | null)[];

/** The trails of some points of some heads through these steps, in the form in which they are drawn.
 * @param steps what is here of each step, head by head, oldest first; the last two are the ends that are mixed
 * @param heads their numbers
 * @param points their numbers within each head
 * @param rects left, top, side of every head's cell [heads, 4]
 * @param styles colour and level of every point of a head [queries + keys, 4] */
export function trailsThrough(
  steps: readonly Heads[],
  heads: Iterable<number>,
  points: readonly number[],
  { rects, dims, styles }: { rects: Float32Array; dims: 2 | 3; styles: Uint8Array },
): Trails {
  const numbers = [...heads];
  const perLine = steps.length;
  const corners = new Float32Array(numbers.length * points.length * perLine * dims).fill(Number.NaN);
  const cells = new Float32Array(4 * numbers.length);
  let at = 0;
  numbers.forEach((head, i) => {
    cells.set(rects.subarray(4 * head, 4 * head + 3), 4 * i);
    for (const point of points) {
      for (const step of steps) {
        const all = step[head];
        if (all) corners.set(all.subarray(point * dims, (point + 1) * dims), at);
        at += dims;
      }
    }
  });
  const own = new Uint8Array(4 * points.length);
  points.forEach((point, i) => {
    own.set(styles.subarray(4 * point, 4 * point + 4), 4 * i);
  });
  return { corners, perLine, perHead: points.length, cells, styles: own };
}
