import { expect, it } from 'vitest';
import { among } from './side';

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
