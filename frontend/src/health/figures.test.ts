import { expect, test } from 'vitest';
import { figureOrder, figureReads, figureTitle } from './figures';

test('how heads follow relations stands behind induction, is called by the relation and says what it is', () => {
  const names = ['non_finite', 'follows/same token', 'previous', 'follows/parent', 'induction', 'new'];
  expect(figureOrder(names)).toEqual([
    'induction',
    'follows/parent',
    'follows/same token',
    'previous',
    'non_finite',
    'new',
  ]);
  expect(figureTitle('follows/same token')).toBe('Follows same token');
  expect(figureReads('follows/parent')).toContain('“parent”');
});
