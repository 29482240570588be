import { expect, it } from 'vitest';
import { combine } from './marked';

it('replaces, adds and removes', () => {
  expect(combine([1, 2], [2, 3], 'replace')).toEqual([2, 3]);
  expect(combine([1, 2], [2, 3], 'add')).toEqual([1, 2, 3]);
  expect(combine([1, 2], [2, 3], 'remove')).toEqual([1]);
});
