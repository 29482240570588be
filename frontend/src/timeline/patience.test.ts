import { expect, it } from 'vitest';
import { patience } from './patience';

const MINUTE = 60_000;

it('waits three times as long as the last checkpoint took, within bounds', () => {
  expect(patience(Number.POSITIVE_INFINITY)).toBe(MINUTE); // the first that came while we looked
  expect(patience(5000)).toBe(MINUTE);
  expect(patience(4 * MINUTE)).toBe(12 * MINUTE);
  expect(patience(100 * MINUTE)).toBe(30 * MINUTE);
});
