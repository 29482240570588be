import { expect, it } from 'vitest';
import { aligned } from './aligned';
import { wholeSeries } from './health';

it('has the values of the other run at the heads that it is of, and none elsewhere', () => {
  const values = Float32Array.from([1, 2, 3, 4, 5, 6]);
  const whole = { run: 'b', digest: '', steps: [0, 10], heads: [1, 2], figures: ['entropy'], values };
  const other = wholeSeries(whole).get('entropy');
  if (!other) throw new Error('no series');
  const scale = { low: 0, high: 9, logarithmic: false };
  const series = aligned(other, scale, Int32Array.from([-1, 2, 0]));
  const nan = Number.NaN;
  expect([series.heads, series.scale, series.steps]).toEqual([3, scale, [0, 10]]);
  expect([...(series.at(10) ?? [])]).toEqual([nan, 6, 4]);
  expect(series.at(10)).toBe(series.at(10));
  expect(series.at(5)).toBeNull();
  expect([...(series.extremes?.high ?? [])]).toEqual([nan, 3, 1, nan, 6, 4]);
  expect(series.rangeOf(0)).toBeNull();
  expect([...(series.rangeOf(1)?.low ?? [])]).toEqual([3, 6]);
});
