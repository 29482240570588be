import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { START } from '../render/orbit';
import { Spin } from './spin';

let frames: Map<number, () => void>;

beforeEach(() => {
  frames = new Map();
  let made = 0;
  vi.stubGlobal('requestAnimationFrame', (frame: () => void) => {
    frames.set(++made, frame);
    return made;
  });
  vi.stubGlobal('cancelAnimationFrame', (request: number) => frames.delete(request));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Draws frames until nothing more is asked for. */
function rest(): number {
  let drawn = 0;
  for (; frames.size > 0 && drawn < 1000; drawn++) {
    const [[request, frame]] = [...frames] as [[number, () => void]];
    frames.delete(request);
    frame();
  }
  return drawn;
}

it('turns with the hand, and on a little when it is let go', () => {
  const picture = { orbit: START };
  const spin = new Spin(picture, () => true);
  spin.drag(100, 0);
  expect(picture.orbit).toEqual({ yaw: START.yaw + 0.4, tilt: START.tilt });
  const drawn = rest();
  expect(drawn).toBeLessThan(100);
  // 0.4 radians and nine tenths of that again at each frame: ten times that in all, less what is too slow to be seen.
  expect(picture.orbit.yaw).toBeGreaterThan(START.yaw + 0.4 + 3.9);
  expect(picture.orbit.yaw).toBeLessThanOrEqual(START.yaw + 0.4 + 4);
});

it('rests where it was let go, without motion', () => {
  const picture = { orbit: START };
  new Spin(picture, () => false).drag(100, 20);
  const { orbit } = picture;
  rest();
  expect(picture.orbit).toBe(orbit);
});

it('turns on from the newest drag alone, and not once it is stopped', () => {
  const picture = { orbit: START };
  const spin = new Spin(picture, () => true);
  spin.drag(100, 0);
  spin.drag(-50, 0);
  expect(frames.size).toBe(1);
  const { orbit } = picture;
  spin.stop();
  expect([rest(), picture.orbit]).toEqual([0, orbit]);
});
