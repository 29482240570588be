import { noise } from '../base/noise';

/** Which of a head's points are drawn when its cell is too small for all of them. Subsets are nested: a larger
 * one holds every point of a smaller one, so zooming adds points and never swaps them. */

/** Css pixels squared of a cell for each point it shows, and how much more of them small cells leave free, so that
 * their tint is still seen between the points. */
const ROOM = 5;
const FREE = 60;
const FEWEST = 6;

/** A fixed pseudo-random order of a head's points. A token's query and key stand side by side in it where there
 * are as many of each, so that pairs appear together and neither kind covers the other. */
export function pointOrder(queries: number, keys: number): Uint32Array {
  const total = queries + keys;
  const paired = queries === keys;
  const items = shuffled(paired ? queries : total);
  if (!paired) return items;
  const order = new Uint32Array(total);
  items.forEach((token, i) => {
    order[2 * i] = token;
    order[2 * i + 1] = queries + token;
  });
  return order;
}

/** How many points a cell shows: steps of √2, so that a pinch rebuilds the list a few times, not every frame.
 * @param side of the cell, css pixels
 * @param budget points over all visible heads */
export function subsetSize(points: number, side: number, visible: number, budget: number): number {
  const room = Math.min((side * side) / (ROOM + FREE / side), budget / Math.max(1, visible));
  if (room >= points) return points;
  const stepped = 2 ** (Math.floor(2 * Math.log2(Math.max(FEWEST, room))) / 2);
  return Math.min(points, Math.floor(stepped));
}

/** Vertex numbers to draw: the points of every visible head, then the lit ones, so that these lie on top.
 * @param drawn which points of each visible head */
export function drawList(
  visible: Uint32Array,
  pointsPerHead: number,
  drawn: readonly Uint32Array[],
  lit: readonly number[],
): Uint32Array {
  const count = drawn.reduce((sum, points) => sum + points.length, 0);
  const list = new Uint32Array(count + visible.length * lit.length);
  let at = 0;
  visible.forEach((head, i) => {
    const base = head * pointsPerHead;
    for (const point of drawn[i] ?? []) list[at++] = base + point;
  });
  for (const head of visible) {
    for (const point of lit) list[at++] = head * pointsPerHead + point;
  }
  return list;
}

function shuffled(count: number): Uint32Array {
  const items = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(noise(i, 41) * (i + 1));
    const kept = items[i] ?? 0;
    items[i] = items[j] ?? 0;
    items[j] = kept;
  }
  return items;
}
