import { describe, expect, it } from 'vitest';
import { boxBetween, isInside, pointsInside } from './lasso';

const square = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
] as const;

describe('a lasso', () => {
  it('holds what it goes around, whichever way it was drawn', () => {
    for (const line of [square, square.toReversed()]) {
      expect(isInside(line, 0.5, 0.5)).toBe(true);
      expect(isInside(line, 0.1, 0.5)).toBe(false);
      expect(isInside(line, 0.5, 0.9)).toBe(false);
    }
  });

  it('leaves out a bay', () => {
    const bay = [...square, [0.5, 0.4]] as const; // the left side is drawn in to the middle
    expect(isInside(bay, 0.3, 0.45)).toBe(false);
    expect(isInside(bay, 0.6, 0.45)).toBe(true);
  });

  it('holds nothing while it is no line yet', () => {
    expect(isInside([], 0.5, 0.5)).toBe(false);
    expect(isInside([[0.5, 0.5]], 0.5, 0.5)).toBe(false);
  });

  it('finds a head’s points, and never those that have no place', () => {
    const step = { id: 'a', heads: [Float32Array.of(0, 0, 0.9, 0.9, Number.NaN, 0)] };
    expect(pointsInside({ dims: 2, from: step, to: step, mix: 0 }, 0, square, [2, 1, 0])).toEqual([0]);
    expect(pointsInside({ dims: 2, from: step, to: step, mix: 0 }, 0, square, [1, 2])).toEqual([]);
  });
});

it('a box holds what lies between two corners, whichever they are', () => {
  for (const [a, b] of [
    [
      [0.2, 0.3],
      [0.8, 0.9],
    ],
    [
      [0.8, 0.3],
      [0.2, 0.9],
    ],
  ] as const) {
    expect(isInside(boxBetween(a, b), 0.5, 0.5)).toBe(true);
    expect(isInside(boxBetween(a, b), 0.5, 0.2)).toBe(false);
    expect(isInside(boxBetween(a, b), 0.9, 0.5)).toBe(false);
  }
});
