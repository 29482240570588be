import { type Cloud, placeOf } from './pick';

/** A place in shares of a cell's side. */
export type Corner = readonly [number, number];

/** The four corners of the box between two opposite ones. */
export function boxBetween([left, top]: Corner, [right, bottom]: Corner): readonly Corner[] {
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** Whether a place lies inside a closed line; where the line crosses itself, every second time (even-odd). */
export function isInside(line: readonly Corner[], x: number, y: number): boolean {
  let inside = false;
  let [px, py] = line.at(-1) ?? [0, 0];
  for (const [cx, cy] of line) {
    if (cy > y !== py > y && x < ((px - cx) * (y - cy)) / (py - cy) + cx) inside = !inside;
    [px, py] = [cx, cy];
  }
  return inside;
}

/** Which of a head's points the line goes around. */
export function pointsInside(
  cloud: Cloud,
  head: number,
  line: readonly Corner[],
  points: Iterable<number>,
): number[] {
  const found: number[] = [];
  for (const point of points) {
    const place = placeOf(cloud, head, point);
    if (place && isInside(line, place[0], place[1])) found.push(point);
  }
  return found;
}
