import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Live } from './live.svelte';

const MINUTE = 60_000;
let live: Live;

function after(milliseconds: number): boolean {
  vi.advanceTimersByTime(milliseconds);
  live.tick();
  return live.on;
}

beforeEach(() => {
  vi.useFakeTimers();
  live = new Live();
});
afterEach(() => {
  vi.useRealTimers();
});

it('is on from the first checkpoint that comes, until none has come for a while', () => {
  expect(after(MINUTE)).toBe(false);
  live.grew();
  expect(after(0)).toBe(true);
  expect(after(0.9 * MINUTE)).toBe(true);
  expect(after(0.2 * MINUTE)).toBe(false);
});

it('is not on in a run that is chosen after one that was, and takes no time from it', () => {
  live.grew();
  after(4 * MINUTE);
  live.grew();
  live.leave();
  expect(after(0)).toBe(false);
  live.grew();
  expect(after(2 * MINUTE)).toBe(false);
});

it('waits longer for a run whose checkpoints come slowly', () => {
  live.grew();
  after(4 * MINUTE);
  live.grew();
  expect(after(11 * MINUTE)).toBe(true);
  expect(after(2 * MINUTE)).toBe(false);
});
