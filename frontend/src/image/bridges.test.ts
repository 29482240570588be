import { expect, it } from 'vitest';
import { bridgesOf, strongestBridges } from './bridges';

/** Two words attend to [CLS] and two patches. */
const WEIGHTS = Float32Array.of(0.5, 0.25, 0.125, 0, 0.0625, 0.75);
const SIZE = { query: 2, key: 3 };

it('leads from each word to its strongest patch, whatever rests on what has no place', () => {
  const found = strongestBridges(WEIGHTS, SIZE, 'query', (key) => key > 0);
  expect(found).toEqual([
    { query: 0, key: 1, weight: 0.25 },
    { query: 1, key: 2, weight: 0.75 },
  ]);
  expect(strongestBridges(new Float32Array(6), SIZE, 'query', () => true)).toEqual([]);
});

it('leads from a word to who attends to it most, where patches are the queries', () => {
  const found = strongestBridges(WEIGHTS, SIZE, 'key', () => true);
  expect(found.map(({ query, key }) => [query, key])).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
  ]);
});

it('has all over a threshold, the strongest last', () => {
  expect(bridgesOf(WEIGHTS, 3, 0.2, 10).map(({ weight }) => weight)).toEqual([0.25, 0.5, 0.75]);
  expect(bridgesOf(WEIGHTS, 3, 0.01, 2).map(({ weight }) => weight)).toEqual([0.5, 0.75]);
});
