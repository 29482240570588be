import { expect, it } from 'vitest';
import { isOutOfFrame } from './out_of_frame';

it('tells heads with more than a few points outside their frame', () => {
  const inside = new Array<number>(40).fill(0.9);
  const stray = inside.map((x, i) => (i % 20 === 0 ? 1.5 : x)); // 2 of 40, as far keys have it at fitted steps
  const outside = inside.map((x, i) => (i < 10 ? -2 : x));
  expect([inside, stray, outside].map((points) => isOutOfFrame(Float32Array.from(points)))).toEqual([
    false,
    false,
    true,
  ]);
});
