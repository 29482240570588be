import { expect, it } from 'vitest';
import type { Cloud } from '../render/pick';
import { OWN_FRAME, type Reach } from '../render/place';
import { Outlines } from './outlines';

const QUERIES = 16;
const order = Uint32Array.from({ length: 2 * QUERIES }, (_, i) => i);
/** Queries around a place of the frame, keys around its middle. */
const around = (x: number, y: number): Float32Array =>
  Float32Array.from(
    [...order].flatMap((i) => {
      const [left, down] = i < QUERIES ? [x, y] : [0, 0];
      return [left + 0.1 * Math.cos(i), down + 0.1 * Math.sin(i)];
    }),
  );
const cloudOf = (points: Float32Array, reach: Reach): Cloud => {
  const step = { id: '', heads: [points] };
  return { dims: 2, from: step, to: step, mix: 0, reach };
};
const across = (lines: Float32Array) => lines.filter((_, i) => i % 2 === 0);

it('goes around queries, and around keys, and stays while the view is moved', () => {
  const outlines = new Outlines();
  const points = around(0.5, 0);
  const [queries, keys] = outlines.of(cloudOf(points, OWN_FRAME), 0, order, QUERIES);
  expect(Math.min(...across(queries!))).toBeGreaterThan(0.5);
  expect(Math.max(...across(keys!))).toBeLessThan(0.7);
  expect(outlines.of(cloudOf(points, [3, 3, 3, 3]), 0, order, QUERIES)[0]).toBe(queries);
  expect(outlines.of(cloudOf(points, OWN_FRAME), 0, order.slice(), QUERIES)[0]).not.toBe(queries);
});

it('goes where points beyond the frame are shown', () => {
  const outlines = new Outlines();
  const points = around(3, 0);
  const [atBorder] = outlines.of(cloudOf(points, OWN_FRAME), 0, order, QUERIES);
  expect(Math.max(...across(atBorder!))).toBeLessThan(1.1);
  const [there] = outlines.of(cloudOf(points, [4, 4, 4, 4]), 0, order, QUERIES);
  const [left, right] = [Math.min(...across(there!)), Math.max(...across(there!))];
  expect(left).toBeLessThan(0.5 + 0.5 * 0.93 * 3);
  expect(right).toBeGreaterThan(0.5 + 0.5 * 0.93 * 3);
  expect(right - left).toBeLessThan(0.8);
});
