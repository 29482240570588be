import { describe as about, expect, it } from 'vitest';
import type { Patches } from '../run/grids';
import {
  arrowsOf,
  type Both,
  describe,
  distanceOf,
  linksOf,
  meanDistance,
  offsetMap,
  placeName,
  rowOf,
} from './reading';
import { weightsOf } from './weights';

/** [CLS] and a row of three patches. */
const ROW: Patches = { grid: { rows: 1, columns: 3 }, places: [null, [0, 0], [0, 1], [0, 2]] };
const BOTH: Both = { query: ROW, key: ROW };
const NAMES = ['[CLS]', 'r0c0', 'r0c1', 'r0c2'];
const WEIGHTS = Float32Array.from(
  [
    [0.1, 0.2, 0.3, 0.4], // [CLS]
    [0.6, 0.1, 0.2, 0.1], // most to [CLS]
    [0.0, 0.2, 0.5, 0.3], // most to itself
    [0.1, 0.5, 0.4, 0.0], // most to the first patch
  ].flat(),
);

about('attention within an image', () => {
  it('has an arrow from each patch to its strongest key, and says what that is', () => {
    expect(arrowsOf(WEIGHTS, BOTH).map(({ query, key, to }) => [query, key, to])).toEqual([
      [1, 0, 'special'],
      [2, 2, 'self'],
      [3, 1, 'patch'],
    ]);
    expect(arrowsOf(new Float32Array(16), BOTH)).toEqual([]);
  });

  it('has links between different patches over a threshold, the strongest last', () => {
    const links = linksOf(WEIGHTS, BOTH, 0.2, 10).map(({ query, key }) => `${query}${key}`);
    expect(links.slice(-3)).toEqual(['23', '32', '31']);
    expect(links.slice(0, -3).sort()).toEqual(['12', '21']);
    expect(linksOf(WEIGHTS, BOTH, 0.2, 2)).toHaveLength(2);
  });

  it('is averaged by where the key is from the query', () => {
    // Two to the left: 3→1. One to the left: 2→1, 3→2. Itself. One to the right: 1→2, 2→3. Two: 1→3.
    const expected = [0.5, (0.2 + 0.4) / 2, (0.1 + 0.5 + 0) / 3, (0.2 + 0.3) / 2, 0.1];
    const found = offsetMap(WEIGHTS, ROW);
    for (const [i, weight] of expected.entries()) expect(found[i]).toBeCloseTo(weight, 6);
    const column: Patches = {
      grid: { rows: 2, columns: 1 },
      places: [
        [0, 0],
        [1, 0],
      ],
    };
    expect([...offsetMap(Float32Array.of(0.25, 0.75, 1, 0), column)]).toEqual([1, 0.125, 0.75]);
  });

  it('is so many patches away, among patches alone', () => {
    expect(distanceOf(rowOf(WEIGHTS, ROW, 1), ROW, 1)).toBeCloseTo((0.2 * 1 + 0.1 * 2) / 0.4, 6);
    expect(distanceOf(rowOf(WEIGHTS, ROW, 0), ROW, 0)).toBeNaN();
    expect(meanDistance(WEIGHTS, ROW)).toBeCloseTo((1 + 0.5 + 1.4 / 0.9) / 3, 6);
  });

  it('is a row of a query, a column of a key', () => {
    expect([...weightsOf(WEIGHTS, 4, { side: 'query', token: 2 })].map((x) => x.toFixed(1))).toEqual([
      '0.0',
      '0.2',
      '0.5',
      '0.3',
    ]);
    expect([...weightsOf(WEIGHTS, 4, { side: 'key', token: 2 })].map((x) => x.toFixed(1))).toEqual([
      '0.3',
      '0.2',
      '0.5',
      '0.4',
    ]);
  });

  it('is said in words', () => {
    const name = (token: number) => placeName(ROW.places, NAMES, token);
    const subject = (side: 'query' | 'key', token: number) => ({
      side,
      name: ROW.places[token] ? `patch ${name(token)}` : name(token),
      itself: token,
      other: name,
    });
    const said = (side: 'query' | 'key', token: number) =>
      describe(weightsOf(WEIGHTS, 4, { side, token }), subject(side, token));
    expect(said('query', 3)).toBe('patch row 0, column 2, 50 % of the attention on row 0, column 0');
    expect(said('query', 2)).toBe('patch row 0, column 1, 50 % of the attention on itself');
    expect(said('query', 1)).toBe('patch row 0, column 0, 60 % of the attention on [CLS]');
    expect(said('query', 0)).toBe('[CLS], 40 % of the attention on row 0, column 2');
    expect(said('key', 3)).toBe('patch row 0, column 2 as a key, attended to most by [CLS], 40 %');
    expect(describe(weightsOf(WEIGHTS, 4, { side: 'query', token: 1 }), subject('query', 1), true)).toBe(
      'patch row 0, column 0, +60 % on [CLS]',
    );
    expect(describe(null, subject('query', 3))).toBe('patch row 0, column 2');
  });
});
