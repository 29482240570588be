import { describe, expect, it } from 'vitest';
import { type Range, scaleOf, shareOf, valueAt } from './scale';

const names = (of: number[], count: number) => ({
  kind: 'names' as const,
  names: Array.from({ length: count }, (_, i) => `n${i}`),
  of: Int32Array.from(of),
});

describe('a scale of names', () => {
  it('gives the most frequent ones the hues, and says how many the grey rest is', () => {
    const scale = scaleOf(names([0, 1, 1, 2, 2, 2, 3, -1], 4), 2);
    expect(scale).toEqual({
      kind: 'classes',
      swatches: [
        { name: 'n2', hue: 0, tokens: 3 },
        { name: 'n1', hue: 1, tokens: 2 },
        { name: 'other (2 more)', hue: null, tokens: 2 },
      ],
      of: Int32Array.of(2, 1, 1, 0, 0, 0, 2, -1),
    });
  });

  it('keeps an order of their own, and leaves out what does not occur', () => {
    const scale = scaleOf({ ...names([2, 2, 0], 3), ordered: true }, 8);
    expect(scale.kind === 'classes' && scale.swatches.map(({ name }) => name)).toEqual(['n0', 'n2']);
  });

  it('begins anew after the last hue where names stand in a row', () => {
    const scale = scaleOf({ ...names([0, 1, 2, 3, 4], 5), cycles: true }, 2);
    expect(scale).toEqual({
      kind: 'classes',
      swatches: [
        { name: 'n0, n2, n4', hue: 0, tokens: 3 },
        { name: 'n1, n3', hue: 1, tokens: 2 },
      ],
      of: Int32Array.of(0, 1, 0, 1, 0),
    });
  });
});

describe('a scale of numbers', () => {
  const range = (low: number, high: number, logarithmic = false): Range => ({
    kind: 'range',
    low,
    high,
    unit: '',
    logarithmic,
  });

  it('goes from the least to the largest that is known', () => {
    const of = Float64Array.of(3, Number.NaN, 7, 5);
    expect(scaleOf({ kind: 'numbers', of, unit: 'letters' }, 8)).toEqual({
      ...range(3, 7),
      unit: 'letters',
    });
  });

  it('is even, or even in orders of magnitude, and ends at its ends', () => {
    expect([2, 3, 6, 9].map((value) => shareOf(range(2, 6), value))).toEqual([0, 0.25, 1, 1]);
    const logarithmic = range(1, 100, true);
    for (const [value, share] of [
      [1, 0],
      [10, 0.5],
      [100, 1],
    ] as const) {
      expect(shareOf(logarithmic, value)).toBeCloseTo(share);
      expect(valueAt(logarithmic, share)).toBeCloseTo(value);
    }
    expect(shareOf(range(0, 1, true), 0)).toBe(0); // three orders of magnitude below its high end, at most
    expect(shareOf(range(4, 4), 4)).toBe(0.5);
    expect(shareOf(range(0, 1), Number.NaN)).toBeNaN();
  });
});
