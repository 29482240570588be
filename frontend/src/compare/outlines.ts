import { outlineOf } from '../render/outline';
import { type Cloud, type Spot, spotOf } from '../render/pick';
import type { Reach } from '../render/place';

/** Of the points, which the line goes around. */
const SHARE = 0.8;

/** One after the other x and y, from 0 to 1 within a cell, or beyond it where points are. */
type Lines = Float32Array;

interface Held {
  readonly order: Uint32Array;
  readonly turn: Cloud['rotation'];
  /** How far points are shown where they are; null where all lie within their frame. */
  readonly reach: Reach | null | undefined;
  readonly lines: readonly Lines[];
}

/** Outlines of heads' queries, and of their keys. Those of a step stay as they are while the hand is between two checkpoints, and while
 * the view is moved over points that lie within their frame. */
export class Outlines {
  private readonly known = new WeakMap<Float32Array, Held>();

  /** @param order the points that are drawn
   * @param queries how many of a head's points are queries: its first ones */
  of(under: Cloud, number: number, order: Uint32Array, queries: number): readonly Lines[] {
    const [near, far] = under.mix < 0.5 ? [under.from, under.to] : [under.to, under.from];
    const points = near.heads[number] ?? far.heads[number];
    if (!points) return [];
    const { rotation: turn, reach } = under;
    const held = this.known.get(points);
    if (held?.order === order && held.turn === turn && (held.reach === null || held.reach === reach))
      return held.lines;
    const still = { ...under, from: near, to: near, mix: 0 };
    const spots = Array.from(order, (point) => spotOf(still, number, point));
    const lines = [false, true].map((keys) =>
      aroundOf(spots.filter((_, i) => (order[i] ?? 0) >= queries === keys)),
    );
    const isWithin = spots.every((spot) => spot === null || spot.far <= 1);
    this.known.set(points, { order, turn, reach: isWithin ? null : reach, lines });
    return lines;
  }
}

/** The line around these, also where they lie beyond the cell. */
function aroundOf(spots: readonly (Spot | null)[]): Lines {
  const places = Float32Array.from(
    spots.flatMap((spot) => (spot ? [spot.x, spot.y] : [Number.NaN, Number.NaN])),
  );
  const known = places.filter((at) => !Number.isNaN(at));
  const low = known.reduce((least, at) => Math.min(least, at), 0);
  const side = known.reduce((most, at) => Math.max(most, at), 1) - low;
  const found = outlineOf(
    places.map((at) => (at - low) / side),
    SHARE,
  );
  return found.map((at) => low + at * side);
}
