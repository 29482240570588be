import { expect, it } from 'vitest';
import { tokenKey } from './token_keys';

it('leads from token to token, and not beyond the first and the last', () => {
  expect(
    ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'].map((key) => tokenKey(key, 4, 12)),
  ).toEqual([3, 5, 0, 11, 0, 11]);
  expect([tokenKey('ArrowUp', 0, 3), tokenKey('ArrowDown', 2, 3), tokenKey('x', 0, 3)]).toEqual([0, 2, null]);
});
