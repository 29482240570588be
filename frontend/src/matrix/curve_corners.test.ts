import { expect, it } from 'vitest';
import type { Series } from '../health/health';
import { CurveCorners } from './curve_corners';

const extremes = {
  ...{ every: 1, count: 2, lowAt: null, highAt: null },
  low: Float32Array.of(1, 5, 3, 5),
  high: Float32Array.of(1, 5, 3, 5),
};
const series = (high: number, ...steps: number[]): Series => ({
  name: 'sink',
  steps,
  heads: 2,
  scale: { low: 0, high, logarithmic: false },
  at: () => null,
  extremes,
  rangeOf: () => null,
});

it('goes from the first step to the last, and is made once', () => {
  const [corners, figures] = [new CurveCorners(), series(4, 0, 100)];
  expect([...corners.of(figures, extremes, 0)]).toEqual([0, 0.75, 1, 0.25]);
  expect(corners.of(figures, extremes, 0)).toBe(corners.of(figures, extremes, 0));
});

it('is on the axis of the steps and the scale that there are now, also before newer extremes are here', () => {
  const corners = new CurveCorners();
  corners.of(series(4, 0, 100), extremes, 0);
  expect([...corners.of(series(4, 0, 100, 200), extremes, 0)]).toEqual([0, 0.75, 0.5, 0.25]);
  expect([...corners.of(series(8, 0, 100), extremes, 0)]).toEqual([0, 0.875, 1, 0.625]);
});
