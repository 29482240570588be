import { describe, expect, it } from 'vitest';
import { noise } from '../base/noise';
import { indexTokens } from '../run/places';
import { clusteredness, planPairs } from './clusteredness';
import { findHits, type Kinds } from './hits';
import { parseSearch } from './search';

const words = (count: number, word: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => word(i));
const probe = (tokens: readonly string[]) =>
  indexTokens({ run: 'a', sequences: [{ kind: 'text', tokens, repeat: null }] });

function score(
  tokens: readonly string[],
  text: string,
  points: Float32Array,
  kinds: Kinds = 'both',
  shown: Uint8Array | null = null,
) {
  const hits = findHits(probe(tokens), parseSearch(text, false).terms, shown);
  const sizes = { queries: tokens.length, keys: tokens.length };
  return clusteredness(points, 2, planPairs(hits, kinds, sizes, shown));
}

/** U over all pairs, by the definition: every pair of hits against every pair of a hit and no hit. */
function exact(points: Float32Array, hits: readonly number[], others: readonly number[]): number {
  const apart = (a: number, b: number) =>
    Math.hypot(points[2 * a]! - points[2 * b]!, points[2 * a + 1]! - points[2 * b + 1]!);
  const near = hits.flatMap((a) => hits.filter((b) => b > a).map((b) => apart(a, b)));
  const far = hits.flatMap((a) => others.map((b) => apart(a, b)));
  let won = 0;
  for (const x of near) for (const y of far) won += x < y ? 1 : x === y ? 0.5 : 0;
  return won / (near.length * far.length);
}

/** A cloud of queries, then keys, in which hits (every fourth token) lie `spread` wide around one place. */
function cloud(tokens: number, spread: number): Float32Array {
  return Float32Array.from({ length: 4 * tokens }, (_, i) => {
    const token = Math.floor(i / 2) % tokens;
    const place = 2 * noise(i, 5) - 1;
    return token % 4 === 0 ? 0.3 + spread * place : place;
  });
}

describe('clusteredness', () => {
  it('is U over all comparisons where they are few enough to look at each', () => {
    // Queries at 0, 1, 3 (hits), 2 and 6 on a line. Pairs of hits: 1, 2, 3 apart. Hit and no hit: 2, 1, 1 and 6, 5, 3.
    // Won: 1 against 2, 6, 5, 3 and two ties; 2 against 6, 5, 3 and a tie; 3 against 6, 5 and a tie: 5 + 3.5 + 2.5.
    const points = new Float32Array(20).fill(Number.NaN);
    for (const [token, x] of [0, 1, 3, 2, 6].entries()) points.set([x, 0], 2 * token);
    expect(score(['a', 'a', 'a', 'b', 'c'], 'a', points)).toBeCloseTo(11 / 18, 12);
    expect(exact(points, [0, 1, 2], [3, 4])).toBeCloseTo(11 / 18, 12);
  });

  it('is near its exact value where pairs are drawn, and the same each time', () => {
    const tokens = words(200, (i) => (i % 4 === 0 ? 'hit' : 'other'));
    const hits = words(50, (i) => String(4 * i)).map(Number);
    const others = tokens.flatMap((word, i) => (word === 'other' ? [i] : []));
    for (const spread of [0.05, 0.4, 0.8, 1]) {
      const points = cloud(200, spread);
      const found = score(tokens, 'hit', points, 'queries');
      expect(Math.abs(found - exact(points, hits, others)), `spread ${spread}`).toBeLessThan(0.04);
      expect(score(tokens, 'hit', points, 'queries')).toBe(found);
    }
  });

  it('is 1 for one tight cluster and 0.5 for hits that are scattered like everything', () => {
    const tokens = words(400, (i) => (i % 4 === 0 ? 'hit' : 'other'));
    expect(score(tokens, 'hit', cloud(400, 0.001))).toBeGreaterThan(0.99);
    const scattered = Float32Array.from({ length: 1600 }, (_, i) => noise(i, 7));
    expect(Math.abs(score(tokens, 'hit', scattered) - 0.5)).toBeLessThan(0.03);
  });

  it('compares within a term: two clusters far apart are two clusters', () => {
    const tokens = words(300, (i) => ['a', 'b', 'other'][i % 3]!);
    const points = Float32Array.from({ length: 1200 }, (_, i) => {
      const kind = Math.floor(i / 2) % 3;
      return kind === 2 ? 2 * noise(i, 3) - 1 : (kind === 0 ? -0.7 : 0.7) + 0.05 * noise(i, 3);
    });
    expect(score(tokens, 'a b', points)).toBeGreaterThan(0.97);
    expect(score(tokens, '/a|b/', points)).toBeLessThan(0.7);
  });

  it('knows nothing of one hit, of nothing else, or of points without a place', () => {
    const points = new Float32Array(12);
    expect(score(['a', 'b', 'b'], 'a', points)).toBeNaN();
    expect(score(['a', 'a', 'a'], 'a', points)).toBeNaN();
    expect(score(['a', 'a', 'b'], 'a', points.fill(Number.NaN))).toBeNaN();
    expect(score(['a', 'a', 'b'], 'a', points.fill(0), 'both', Uint8Array.of(1, 1, 0))).toBeNaN();
  });
});
