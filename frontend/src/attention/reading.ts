import type { Patches, PatchPlace } from '../run/grids';
import { percent, signedPercent } from './weights';

/** What one head's attention within one image says: [queries, keys] row by row, rows are queries, columns are keys. Both are
 * the same patches in most layers; in others keys have a grid of their own over the same image. */

/** Where queries and keys are in the image. */
export interface Both {
  readonly query: Patches;
  readonly key: Patches;
}

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
export function arrowsOf(weights: Float32Array, { query: from, key: to }: Both): Arrow[] {
  const size = to.places.length;
  return from.places.flatMap((place, query): Arrow[] => {
    const key = place === null ? null : strongestKey(weights, size, query);
    if (key === null) return [];
    const kind = from === to && key === query ? 'self' : to.places[key] ? 'patch' : 'special';
    return [{ query, key, weight: weights[query * size + key] ?? 0, to: kind }];
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
export function linksOf(
  weights: Float32Array,
  { query: from, key: to }: Both,
  least: number,
  most: number,
): Link[] {
  const size = to.places.length;
  const links: Link[] = [];
  weights.forEach((weight, i) => {
    const [query, key] = [Math.floor(i / size), i % size];
    if ((from === to && query === key) || !from.places[query] || !to.places[key]) return;
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
 * a token without a place, and where no patch is attended to.
 * @param row what it attends to. [size] */
export function distanceOf(row: Float32Array, { places }: Patches, query: number): number {
  const from = places[query];
  if (!from) return Number.NaN;
  let [far, sum] = [0, 0];
  places.forEach((to, key) => {
    if (!to) return;
    const weight = row[key] ?? 0;
    far += weight * Math.hypot(to[0] - from[0], to[1] - from[1]);
    sum += weight;
  });
  return far / sum;
}

/** The mean of these over the patches that have one. */
export function meanDistance(weights: Float32Array, patches: Patches): number {
  const all = patches.places
    .map((_, query) => distanceOf(rowOf(weights, patches, query), patches, query))
    .filter(Number.isFinite);
  return all.reduce((sum, far) => sum + far, 0) / all.length;
}

/** What a query attends to. [size] */
export function rowOf(weights: Float32Array, { places }: Patches, query: number): Float32Array {
  return weights.subarray(query * places.length, (query + 1) * places.length);
}

/** "row 3, column 4", "the whole image" of a single one, or the name of what has no place. */
export function placeName(
  places: readonly (PatchPlace | null)[],
  tokens: readonly string[],
  at: number,
): string {
  const place = places[at];
  if (place && isWhole(places)) return 'the whole image';
  return place ? `row ${place[0]}, column ${place[1]}` : (tokens[at] ?? `token ${at}`);
}

/** Whether there is one patch alone. */
export function isWhole(places: readonly (PatchPlace | null)[]): boolean {
  return places.reduce((count, place) => count + (place ? 1 : 0), 0) === 1;
}

/** A token, and how everybody is called that it attends to, or that attends to it. */
interface Subject {
  readonly side: 'query' | 'key';
  /** "patch row 3, column 4", "“river”". */
  readonly name: string;
  /** Number of the one that is itself; null where the others are of another list. */
  readonly itself: number | null;
  readonly other: (token: number) => string;
}

/** What is selected and where most of its weight is, in words: rows and columns are counted from 0, as tokens are named.
 * @param own its weights on the others, or those that it gets from them; null: not known
 * @param signed the weights are a difference: what grew most */
export function describe(
  own: Float32Array | null,
  { side, name, itself, other }: Subject,
  signed = false,
): string {
  if (!own) return name;
  const subject = side === 'key' ? `${name} as a key` : name;
  let best = 0;
  own.forEach((weight, i) => {
    if (weight > (own[best] ?? 0)) best = i;
  });
  const where = best === itself ? 'itself' : other(best);
  const weight = own[best] ?? 0;
  if (signed) return `${subject}, ${signedPercent(weight)} ${side === 'key' ? 'from' : 'on'} ${where}`;
  return side === 'query'
    ? `${subject}, ${percent(weight)} of the attention on ${where}`
    : `${subject}, attended to most by ${where}, ${percent(weight)}`;
}
