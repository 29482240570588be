import { linesOf } from './lines';
import { strongest } from './weights';

/** A sequence's attention as straight lines between points: from a query's place to a key's. */
export interface Segment {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  /** Css pixels. */
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

type Place = readonly [number, number] | null;

/** Lines from each query to its `top` strongest keys of at least this weight, the weakest first, so that the strongest lie
 * on top. `placeOf` gives a token's query or key, or null if it is not drawn.
 * @param weights [queries, keys]
 * @param size how many of both */
export function segmentsOf(
  weights: Float32Array,
  size: { readonly queries: number; readonly keys: number },
  top: number,
  least: number,
  placeOf: (side: 'query' | 'key', token: number) => Place,
): Segment[] {
  const drawn = strongest(weights, size.keys, top, least);
  const queries = Array.from({ length: size.queries }, (_, i) => placeOf('query', i));
  const keys = Array.from({ length: size.keys }, (_, i) => placeOf('key', i));
  const segments: Segment[] = [];
  for (const pair of linesOf(drawn).reverse()) {
    const [query, key] = [Math.floor(pair / size.keys), pair % size.keys];
    const [from, to] = [queries[query], keys[key]];
    if (!from || !to) continue;
    segments.push({ query, key, weight: drawn[pair] ?? 0, x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
  }
  return segments;
}

/** The line nearest to a place, at most `reach` away; css pixels. */
export function nearestSegment(
  segments: readonly Segment[],
  x: number,
  y: number,
  reach: number,
): Segment | null {
  let nearest: Segment | null = null;
  let least = reach;
  for (const segment of segments) {
    const { x1, y1, x2, y2 } = segment;
    const [dx, dy] = [x2 - x1, y2 - y1];
    const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1);
    const share = Math.min(1, Math.max(0, along));
    const away = Math.hypot(x1 + share * dx - x, y1 + share * dy - y);
    // "Not farther", so that of two at one place the one on top is taken.
    if (away <= least) [nearest, least] = [segment, away];
  }
  return nearest;
}
