/** A text beside a place, css pixels. */
interface Candidate {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where labels may stand, css pixels. */
export interface Room {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const LINE = 13;
/** Css pixels of a letter, near enough to keep labels apart without measuring each. */
const LETTER = 6.6;
/** Where a label may stand relative to its point, the best place first. */
const SIDES = [
  { dx: 7, dy: -LINE / 2, end: false },
  { dx: -7, dy: -LINE / 2, end: true },
  { dx: 4, dy: -LINE - 4, end: false },
  { dx: 4, dy: 4, end: false },
] as const;

/** Finds each label a place, first come, first served; one that would cover another is left out.
 * @param most so many are placed
 * @param tries so many that have no room are given up on, before it is clear that there is none left */
export function placeLabels<T extends Candidate>(
  candidates: Iterable<T>,
  room: Room,
  most: number,
  tries = Number.POSITIVE_INFINITY,
): (T & { readonly left: number; readonly top: number })[] {
  const placed: (T & { left: number; top: number; right: number })[] = [];
  let failed = 0;
  for (const candidate of candidates) {
    if (placed.length >= most || failed >= tries) break;
    const { x, y, text } = candidate;
    if (x < room.left || y < room.top || x > room.right || y > room.bottom) continue;
    const width = text.length * LETTER;
    const spot = SIDES.map(({ dx, dy, end }) => ({ left: x + dx - (end ? width : 0), top: y + dy })).find(
      ({ left, top }) => {
        const outside =
          left < room.left || top < room.top || left + width > room.right || top + LINE > room.bottom;
        return (
          !outside &&
          !placed.some((box) => left < box.right && left + width > box.left && Math.abs(top - box.top) < LINE)
        );
      },
    );
    if (spot) placed.push({ ...candidate, ...spot, right: spot.left + width });
    else failed++;
  }
  return placed;
}
