import { expect, it } from 'vitest';
import { among, pairFrom } from './side';

it('is what is pointed at, unless the tokens that are shown now do not reach that far', () => {
  const sides = { query: { tokens: ['a', 'b', 'c'] }, key: { tokens: ['x', 'y'] } };
  expect(among(null, sides)).toBeNull();
  expect(among({ side: 'query', token: 2 }, sides)).toEqual({ side: 'query', token: 2 });
  expect(among({ side: 'key', token: 2 }, sides)).toBeNull();
  expect(among({ query: 0, key: 1 }, sides)).toEqual({ query: 0, key: 1 });
  expect(among({ query: null, key: 1 }, sides)).toEqual({ query: null, key: 1 });
  // Row by row, [queries, keys]: it would be read as the first key of the second query.
  expect(among({ query: 0, key: 2 }, sides)).toBeNull();
  expect(among({ query: 3, key: null }, sides)).toBeNull();
});

it('is the pair from which the keyboard goes on: a selected token stands on its own side', () => {
  const [query, key] = [{ tokens: ['a', 'b'] }, { tokens: ['x', 'y', 'z'] }];
  const cross = { query, key };
  expect(pairFrom(null, null, cross)).toEqual({ query: 0, key: 0 });
  expect(pairFrom(null, { side: 'key', token: 2 }, cross)).toEqual({ query: 0, key: 2 });
  expect(pairFrom(null, { side: 'query', token: 1 }, cross)).toEqual({ query: 1, key: 0 });
  expect(pairFrom({ query: 1, key: null }, { side: 'key', token: 2 }, cross)).toEqual({ query: 1, key: 2 });
  expect(pairFrom(null, { side: 'query', token: 1 }, { query, key: query })).toEqual({ query: 1, key: 1 });
});
