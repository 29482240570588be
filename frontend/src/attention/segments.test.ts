import { expect, it } from 'vitest';
import { nearestSegment, segmentsOf } from './segments';

// Three tokens: queries stand on the left, keys on the right.
const place = (side: 'query' | 'key', token: number) => [side === 'query' ? 0 : 100, 50 * token] as const;
const WEIGHTS = Float32Array.of(1, 0, 0, 0.75, 0.25, 0, 0.5, 0.375, 0.125);
const pairs = (top: number, least: number) =>
  segmentsOf(WEIGHTS, { queries: 3, keys: 3 }, top, least, place).map(({ query, key, weight }) => [
    query,
    key,
    weight,
  ]);

it('leads from each query to its strongest keys, the strongest on top', () => {
  expect(pairs(1, 0)).toEqual([
    [2, 0, 0.5],
    [1, 0, 0.75],
    [0, 0, 1],
  ]);
  expect(pairs(2, 0).map(([query, key]) => `${query}${key}`)).toEqual(['11', '21', '20', '10', '00']);
  expect(pairs(2, 0.3).map(([query, key]) => `${query}${key}`)).toEqual(['21', '20', '10', '00']);
});

it('leaves out what is not drawn', () => {
  const hidden = segmentsOf(WEIGHTS, { queries: 3, keys: 3 }, 3, 0, (side, token) =>
    side === 'key' && token === 0 ? null : place(side, token),
  );
  expect(hidden.every(({ key }) => key !== 0)).toBe(true);
  expect(hidden).toHaveLength(3);
});

it('finds the line under the pointer', () => {
  const segments = segmentsOf(WEIGHTS, { queries: 3, keys: 3 }, 1, 0, place);
  const found = (x: number, y: number) => nearestSegment(segments, x, y, 5)?.query ?? null;
  expect(found(50, 2)).toBe(0);
  expect(found(50, 27)).toBe(1);
  expect(found(50, 100)).toBeNull();
  expect(found(-20, 100)).toBeNull(); // beyond its end
});
