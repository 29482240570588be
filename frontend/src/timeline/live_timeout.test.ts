import { expect, it } from 'vitest';
import { liveTimeout } from './live_timeout';

const MINUTE = 60_000;

it('waits three times as long as the last checkpoint took, within bounds', () => {
  expect(liveTimeout(Number.POSITIVE_INFINITY)).toBe(MINUTE); // the first that came while we looked
  expect(liveTimeout(5000)).toBe(MINUTE);
  expect(liveTimeout(4 * MINUTE)).toBe(12 * MINUTE);
  expect(liveTimeout(100 * MINUTE)).toBe(30 * MINUTE);
});
