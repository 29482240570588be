import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Morph } from './morph.svelte';

let due: FrameRequestCallback | null;
function frame(now: number): void {
  const request = due;
  due = null;
  request?.(now);
}

beforeEach(() => {
  due = null;
  vi.stubGlobal('requestAnimationFrame', (request: FrameRequestCallback) => {
    due = request;
    return 1;
  });
  vi.stubGlobal('cancelAnimationFrame', () => {
    due = null;
  });
});
afterEach(() => vi.unstubAllGlobals());

it('goes from the old picture to the new one in its time, slowly at both ends', () => {
  const morph = new Morph(() => true, 400);
  expect([morph.active, morph.share]).toEqual([false, 1]);
  expect(morph.begin()).toBe(true);
  frame(1000);
  expect([morph.active, morph.share]).toEqual([true, 0]);
  frame(1100);
  expect(morph.share).toBeCloseTo(0.15625, 6); // t²(3 − 2t) of a quarter
  frame(1200);
  expect(morph.share).toBeCloseTo(0.5, 6);
  frame(1400);
  expect([morph.active, morph.share, due]).toEqual([false, 1, null]);
});

it('begins anew, and stops at the new picture', () => {
  const morph = new Morph(() => true, 400);
  morph.begin();
  frame(0);
  frame(200);
  morph.begin();
  expect(morph.share).toBe(0);
  frame(1000);
  morph.stop();
  expect([morph.active, morph.share, due]).toEqual([false, 1, null]);
});

it('is over at once where nothing may move', () => {
  const morph = new Morph(() => false);
  expect([morph.begin(), morph.active, morph.share, due]).toEqual([false, false, 1, null]);
});
