import type { Patches, PatchPlace } from '../probe/grids';
import { percent, signedPercent } from '../sentence/weights';

/** What one head's attention within one image says: [size, size] row by row, rows are queries, columns are keys. */

/** From a patch to the key that it attends to most. */
export interface Arrow {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  /** To another patch, to itself, or to a token without a place ([CLS], a register). */
  readonly to: 'patch' | 'self' | 'special';
}

export interface Link {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
}

/** One for each patch; none for queries that attend to nothing. */
export function arrowsOf(weights: Float32Array, { places }: Patches): Arrow[] {
  const size = places.length;
  return places.flatMap((place, query): Arrow[] => {
    const key = place === null ? null : strongestKey(weights, size, query);
    if (key === null) return [];
    const to = key === query ? 'self' : places[key] ? 'patch' : 'special';
    return [{ query, key, weight: weights[query * size + key] ?? 0, to }];
  });
}

/** The key with the largest weight, in magnitude; null for a query that attends to nothing. */
function strongestKey(weights: Float32Array, size: number, query: number): number | null {
  let [best, most]: [number | null, number] = [null, 0];
  for (let key = 0; key < size; key++) {
    const weight = Math.abs(weights[query * size + key] ?? 0);
    if (weight > most) [best, most] = [key, weight];
  }
  return best;
}

/** Between different patches, of at least so much weight, the weakest first: the strongest lie on top.
 * @param most that are returned, the strongest ones */
export function linksOf(weights: Float32Array, { places }: Patches, least: number, most: number): Link[] {
  const size = places.length;
  const links: Link[] = [];
  weights.forEach((weight, i) => {
    const [query, key] = [Math.floor(i / size), i % size];
    if (query === key || !places[query] || !places[key]) return;
    if (weight !== 0 && Math.abs(weight) >= least) links.push({ query, key, weight });
  });
  return links.sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight)).slice(-most);
}

/** The mean weight by how far the key is from the query, over the patches that have a patch there: row r, column c is of
 * the keys r − (rows − 1) rows below it and c − (columns − 1) columns to its right. [2 rows − 1, 2 columns − 1]; NaN where
 * no query has such a key. */
export function offsetMap(weights: Float32Array, { grid, places }: Patches): Float32Array {
  const [height, width] = [2 * grid.rows - 1, 2 * grid.columns - 1];
  const size = places.length;
  const sums = new Float64Array(height * width);
  const counts = new Uint32Array(height * width);
  places.forEach((from, query) => {
    if (!from) return;
    places.forEach((to, key) => {
      if (!to) return;
      const at = (to[0] - from[0] + grid.rows - 1) * width + (to[1] - from[1] + grid.columns - 1);
      sums[at] = (sums[at] ?? 0) + (weights[query * size + key] ?? 0);
      counts[at] = (counts[at] ?? 0) + 1;
    });
  });
  return Float32Array.from(sums, (sum, i) => sum / (counts[i] ?? 0));
}

/** How far away, in patches, what a query attends to is on average (Dosovitskiy et al. 2021): among the patches alone. NaN for
 * a token without a place, and where no patch is attended to. */
export function distanceOf(weights: Float32Array, { places }: Patches, query: number): number {
  const from = places[query];
  if (!from) return Number.NaN;
  let [far, sum] = [0, 0];
  places.forEach((to, key) => {
    if (!to) return;
    const weight = weights[query * places.length + key] ?? 0;
    far += weight * Math.hypot(to[0] - from[0], to[1] - from[1]);
    sum += weight;
  });
  return far / sum;
}

/** The mean of these over the patches that have one. */
export function meanDistance(weights: Float32Array, patches: Patches): number {
  const all = patches.places.map((_, query) => distanceOf(weights, patches, query)).filter(Number.isFinite);
  return all.reduce((sum, far) => sum + far, 0) / all.length;
}

/** What a query gives to each key, or a key gets of each query. [size] */
export function weightsOf(
  weights: Float32Array,
  size: number,
  { side, token }: { readonly side: 'query' | 'key'; readonly token: number },
): Float32Array {
  if (side === 'query') return weights.slice(token * size, (token + 1) * size);
  return Float32Array.from({ length: size }, (_, query) => weights[query * size + token] ?? 0);
}

/** "row 3, column 4", or the name of what has no place. */
export function placeName(
  places: readonly (PatchPlace | null)[],
  tokens: readonly string[],
  at: number,
): string {
  const place = places[at];
  return place ? `row ${place[0]}, column ${place[1]}` : (tokens[at] ?? `token ${at}`);
}

/** What is selected and where most of its weight is, in words: rows and columns are counted from 0, as tokens are named.
 * @param signed the weights are a difference: what grew most */
export function describe(
  weights: Float32Array | null,
  { places }: Patches,
  tokens: readonly string[],
  at: { readonly side: 'query' | 'key'; readonly token: number },
  signed = false,
): string {
  const name = (token: number) => placeName(places, tokens, token);
  const subject = `${places[at.token] ? 'patch ' : ''}${name(at.token)}`;
  if (!weights) return subject;
  const own = weightsOf(weights, places.length, at);
  let best = 0;
  own.forEach((weight, i) => {
    if (weight > (own[best] ?? 0)) best = i;
  });
  if (signed) {
    const more = signedPercent(own[best] ?? 0);
    return `${subject}${at.side === 'key' ? ' as a key' : ''}, ${more} ${at.side === 'key' ? 'from' : 'on'} ${best === at.token ? 'itself' : name(best)}`;
  }
  const share = percent(own[best] ?? 0);
  return at.side === 'query'
    ? `${subject}, ${share} of the attention on ${best === at.token ? 'itself' : name(best)}`
    : `${subject} as a key, attended to most by ${best === at.token ? 'itself' : name(best)}, ${share}`;
}
