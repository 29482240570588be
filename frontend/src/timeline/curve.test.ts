import { describe, expect, it } from 'vitest';
import { pointsOf, tagsOf } from '../run/scalars';
import { begunAgain, nearestPoint, pathOf, positive, scaleOf, steeringTag, within } from './curve';

const points = pointsOf([
  [1, 0, 4],
  [2, 10, 2],
  [3, 20, 'NaN'],
  [4, 30, 1],
  [5, 40, 8],
]);

describe('a scalar', () => {
  it('is read by step, the latest writing of a step counts', () => {
    const twice = pointsOf([
      [9, 20, 3],
      [1, 10, 1],
      [2, 20, 2],
    ]);
    expect(twice).toEqual([
      { step: 10, value: 1, time: 1 },
      { step: 20, value: 3, time: 9 },
    ]);
    expect(tagsOf({ a: { y: {}, x: {} } }, 'a')).toEqual(['x', 'y']);
    expect(tagsOf({ a: {} }, 'b')).toEqual([]);
  });

  it('is the training loss unless the user chooses another', () => {
    expect(steeringTag(['attnviz/entropy/mean', 'eval/loss', 'train/loss'])).toBe('train/loss');
    expect(steeringTag(['accuracy', 'Val_Loss'])).toBe('Val_Loss');
    expect(steeringTag(['attnviz/entropy/mean', 'reward'])).toBe('reward');
    expect(steeringTag(['attnviz/entropy/mean'])).toBe(null);
    expect(steeringTag([])).toBe(null);
  });

  it('runs to both ends of the timeline', () => {
    expect(within(points, 15, 30).map(({ step }) => step)).toEqual([10, 20, 30, 40]);
    expect(within(points, -5, 99).length).toBe(5);
  });

  it('has a scale over its finite values, logarithmic only where all are positive', () => {
    expect(scaleOf(points, false)).toEqual({ low: 1, high: 8, logarithmic: false });
    expect(positive(points)).toBe(true);
    expect(positive([{ step: 0, value: 0 }])).toBe(false);
    expect(positive([{ step: 0, value: Number.NaN }])).toBe(false);
    expect(scaleOf([], true)).toEqual({ low: 0, high: 1, logarithmic: false });
  });

  it('is broken where a value is missing', () => {
    expect(
      pathOf(
        points,
        (step) => step,
        (value) => value,
      ),
    ).toBe('M0.0 4.0h0L10.0 2.0M30.0 1.0h0L40.0 8.0');
  });

  it('is broken where training was begun again: after the longest pause there, else where it is known to have been', () => {
    const times = [1, 2, 3, 50, 51, 52, 53];
    const written = times.map((time, i) => ({ step: 10 * i, value: i, time }));
    expect(begunAgain(written, 10, 50)).toBe(30);
    expect(begunAgain(written, 30, 50)).toBe(50);
    const untimed = written.map(({ step, value }) => ({ step, value }));
    expect(begunAgain(untimed, 10, 50)).toBe(50);
    const path = pathOf(
      written,
      (step) => step,
      (value) => value,
      [25],
    );
    expect(path).toMatch(/^M0.0 0.0h0L10.0 1.0L20.0 2.0M30.0 3.0h0L40.0 4.0/);
  });

  it('says its value at the point nearest to a step', () => {
    expect(nearestPoint(points, 13)?.step).toBe(10);
    expect(nearestPoint(points, 15)?.step).toBe(10);
    expect(nearestPoint(points, 16)?.step).toBe(20);
    expect(nearestPoint(points, 99)?.step).toBe(40);
    expect(nearestPoint(points, -9)?.step).toBe(0);
    expect(nearestPoint([], 1)).toBe(null);
  });
});
