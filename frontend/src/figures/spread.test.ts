import { describe, expect, it } from 'vitest';
import { BINS, binsOfRange, countsOf, rangeOfBins, spreadOf } from './spread';

const LINEAR = { low: 0, high: 12, logarithmic: false };
const score = (...values: number[]) => ({
  id: 'entropy',
  title: 'Entropy',
  reads: '',
  values: Float64Array.from(values),
});

describe('a histogram of the heads', () => {
  it('counts each known head once, the greatest in the last bar', () => {
    const { shares } = spreadOf(score(0, 0.4, 0.6, 12, Number.NaN, 13), LINEAR);
    const counts = countsOf(shares, [0, 1, 2, 3, 4, 5]);
    expect([counts[0], counts[1], counts[BINS - 1]]).toEqual([2, 1, 2]);
    expect(counts.reduce((sum, count) => sum + count)).toBe(5);
    expect(countsOf(shares, [2])[0]).toBe(0);
  });

  it('stands on the scale of the charts', () => {
    const { shares } = spreadOf(score(1, 10, 100), { low: 1, high: 100, logarithmic: true });
    expect([...shares]).toEqual([0, 0.5, 1]);
  });
});

describe('a brushed range', () => {
  it('ends at edges of bars, and is open where the scale ends', () => {
    expect(rangeOfBins(LINEAR, 2, 5)).toEqual({ least: 1, most: 3 });
    expect(rangeOfBins(LINEAR, 5, 2)).toEqual({ least: 1, most: 3 });
    expect(rangeOfBins(LINEAR, 0, 3)).toEqual({ least: null, most: 2 });
    expect(rangeOfBins(LINEAR, 20, BINS - 1)).toEqual({ least: 10, most: null });
    expect(rangeOfBins({ low: 1, high: 10_000, logarithmic: true }, 12, 17)).toEqual({
      least: 100,
      most: 1000,
    });
  });

  it.each([
    [0, BINS - 1],
    [3, 3],
    [0, 7],
    [11, BINS - 1],
  ])('is where it was brushed: bars %i to %i', (from, to) => {
    expect(binsOfRange(LINEAR, rangeOfBins(LINEAR, from, to))).toEqual([from, to]);
  });
});
