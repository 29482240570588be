import { noise } from '../base/noise';
import { type Hits, type Kinds, pointsOf, type Sizes } from './hits';

/** How tightly the hits of a search lie together in a head's picture.
 *
 * The probability that two random hits of one term lie nearer to each other than a random hit and a random point that
 * is no hit, all of one kind (queries, or keys); ties count half. This is the area under the ROC curve, or Mann and Whitney's U over
 * the number of comparisons: 0.5 where hits are scattered like everything else, 1 where they are one tight cluster. */

/** Pairs of points whose distances are compared: two numbers each. */
export interface PairPlan {
  /** How many pairs of hits there are altogether: what this term and kind weigh. */
  readonly weight: number;
  /** Hit and hit. [pairs, 2] */
  readonly near: Uint32Array;
  /** Hit and no hit. [pairs, 2] */
  readonly far: Uint32Array;
}

/** Where there are more pairs than this, as many are drawn at random, the same for every head and on every visit. The
 * standard error is then below 0.02. */
const MOST_PAIRS = 1000;

/** @param shown which tokens are on screen [tokens]; null: all */
export function planPairs(hits: Hits, kinds: Kinds, sizes: Sizes, shown: Uint8Array | null): PairPlan[] {
  const others: number[] = [];
  hits.termOf.forEach((term, token) => {
    if (term === 0 && (shown === null || shown[token])) others.push(token);
  });
  return (['queries', 'keys'] as const).flatMap((kind) => {
    if (kinds !== 'both' && kinds !== kind) return [];
    const strangers = pointsOf(others, kind, sizes);
    return hits.byTerm.flatMap((tokens) => planOf(pointsOf(tokens, kind, sizes), strangers) ?? []);
  });
}

/** @param points a head's picture [queries + keys, dims]
 * @returns the mean over the plans, each weighing as many pairs as it stands for; NaN if there is nothing to compare */
export function clusteredness(points: Float32Array, dims: number, plans: readonly PairPlan[]): number {
  let sum = 0;
  let weights = 0;
  for (const { weight, near, far } of plans) {
    const share = shareOfSmaller(distances(points, dims, near), distances(points, dims, far));
    if (Number.isNaN(share)) continue;
    sum += weight * share;
    weights += weight;
  }
  return weights > 0 ? sum / weights : Number.NaN;
}

function planOf(hits: readonly number[], others: readonly number[]): PairPlan | null {
  const weight = (hits.length * (hits.length - 1)) / 2;
  if (weight === 0 || others.length === 0) return null;
  const near: number[] = [];
  if (weight <= MOST_PAIRS) {
    hits.forEach((hit, i) => {
      for (const other of hits.slice(i + 1)) near.push(hit, other);
    });
  } else {
    for (let i = 0; i < MOST_PAIRS; i++) {
      const first = Math.floor(noise(i, 61) * hits.length);
      const second = Math.floor(noise(i, 62) * (hits.length - 1));
      near.push(hits[first] ?? 0, hits[second + (second >= first ? 1 : 0)] ?? 0);
    }
  }
  const far: number[] = [];
  if (hits.length * others.length <= MOST_PAIRS) {
    for (const hit of hits) for (const other of others) far.push(hit, other);
  } else {
    for (let i = 0; i < MOST_PAIRS; i++) {
      const pick = (from: readonly number[], salt: number) =>
        from[Math.floor(noise(i, salt) * from.length)] ?? 0;
      far.push(pick(hits, 63), pick(others, 64));
    }
  }
  return { weight, near: Uint32Array.from(near), far: Uint32Array.from(far) };
}

/** Squared distances, ascending; of pairs whose points both have a place. */
function distances(points: Float32Array, dims: number, pairs: Uint32Array): Float64Array {
  const found = new Float64Array(pairs.length / 2);
  let count = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const [a, b] = [dims * (pairs[i] ?? 0), dims * (pairs[i + 1] ?? 0)];
    let sum = 0;
    for (let axis = 0; axis < dims; axis++) {
      const apart = (points[a + axis] ?? Number.NaN) - (points[b + axis] ?? Number.NaN);
      sum += apart * apart;
    }
    if (Number.isFinite(sum)) found[count++] = sum;
  }
  return found.subarray(0, count).sort();
}

/** Share of all comparisons in which a number of `a` is smaller than one of `b`; both ascending. */
function shareOfSmaller(a: Float64Array, b: Float64Array): number {
  if (a.length === 0 || b.length === 0) return Number.NaN;
  let smaller = 0; // how many of b are smaller than x
  let upTo = 0; // how many are smaller or equal
  let won = 0;
  for (const x of a) {
    while (smaller < b.length && (b[smaller] ?? 0) < x) smaller++;
    upTo = Math.max(upTo, smaller);
    while (upTo < b.length && b[upTo] === x) upTo++;
    won += b.length - upTo + 0.5 * (upTo - smaller);
  }
  return won / (a.length * b.length);
}
