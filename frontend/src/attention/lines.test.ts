import { expect, it } from 'vitest';
import { linesAcross, linesOf, nearestLine, rise } from './lines';

const weights = Float32Array.from([0.9, 0.01, 0, 0.3, -0.6, 0.1, 0, 0.05, 0.95]);
const lines = linesOf(weights);

it('are the weights that can be seen, the strongest first, by magnitude', () => {
  expect([...lines]).toEqual([8, 0, 4, 3, 5, 7]);
});

it('are drawn where they cross what is seen', () => {
  expect(linesAcross(lines, 3, 0, 0)).toEqual([0, 3]);
  expect(linesAcross(lines, 3, 2, 9)).toEqual([8, 5, 7]);
});

it('never become more than can be drawn at once', () => {
  const all = linesOf(new Float32Array(256 * 256).fill(0.5));
  expect(linesAcross(all, 256, 0, 255).length).toBe(3000);
});

it('are level at both ends and half way in the middle', () => {
  expect([rise(0), rise(0.5), rise(1)].map((x) => Math.round(1000 * x) / 1000)).toEqual([0, 0.5, 1]);
});

it('are found under the pointer', () => {
  expect(nearestLine([...lines], 3, 0.5, 1.5, 0.2)).toEqual({ query: 1, key: 1 });
  expect(nearestLine([...lines], 3, 0.5, 1, 0.2)).toEqual({ query: 1, key: 0 });
  expect(nearestLine([...lines], 3, 0.5, 5, 0.2)).toBe(null);
});

it('lead to fewer keys than there are queries, or to more', () => {
  const cross = linesOf(Float32Array.of(0.2, 0.8, 1, 0, 0.5, 0.5)); // three queries, two keys
  expect([...cross]).toEqual([2, 1, 4, 5, 0]);
  expect(linesAcross(cross, 2, 2, 2)).toEqual([4, 5]);
  expect(nearestLine([...cross], 2, 1, 1.5, 0.2)).toEqual({ query: 0, key: 1 });
});
