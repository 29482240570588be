import { expect, it } from 'vitest';
import { cameraAt, framingOf } from './framing';

const size = { width: 400, height: 300 };
const whole = { scale: 200, x: 100, y: 50 };

it('says what is in the middle, and how large', () => {
  // 400 px a unit; the middle (200, 150) is 100 px right of the world's left edge and 50 px below its upper one.
  expect(framingOf({ scale: 400, x: 100, y: 100 }, whole, size)).toEqual({ x: 0.25, y: 0.125, zoom: 2 });
});

it('looks at the same place on a canvas of another size', () => {
  const camera = cameraAt(
    { x: 0.25, y: 0.125, zoom: 2 },
    { scale: 100, x: 0, y: 0 },
    { width: 200, height: 100 },
  );
  expect(camera).toEqual({ scale: 200, x: 50, y: 25 });
});
