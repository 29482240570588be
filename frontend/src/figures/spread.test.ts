import { describe, expect, it } from 'vitest';
import { BINS, binOf, binsOfRange, countsOf, keptBy, rangeOfBins, spreadOf } from './spread';

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

  it.each([
    { low: 132.1, high: 132.9, logarithmic: false },
    { low: -0.30004, high: -0.30001, logarithmic: false },
    { low: 1000, high: 1001, logarithmic: true },
  ])('leaves the heads of its bars on a narrow scale: %o', (scale) => {
    const middle = (bin: number) => scale.low + ((bin + 0.5) / BINS) * (scale.high - scale.low);
    for (let bin = 1; bin < BINS - 1; bin++) {
      const { least, most } = rangeOfBins(scale, bin, bin);
      const kept = [bin - 1, bin, bin + 1].filter(
        (one) => middle(one) >= (least ?? -Infinity) && middle(one) <= (most ?? Infinity),
      );
      expect([kept, binsOfRange(scale, { least, most })]).toEqual([[bin], [bin, bin]]);
    }
  });

  it('keeps heads that are all alike', () => {
    const alike = { low: 0.12345670163631439, high: 0.12345670163631439, logarithmic: false };
    const { least, most } = rangeOfBins(alike, binOf(0.5), binOf(0.5));
    expect([least, most]).toEqual([alike.low, alike.low]);
  });

  it('is taken away by a click into it, and replaced by one beside it', () => {
    const range = { least: 1, most: 3 }; // bars 2 to 5
    expect(keptBy(LINEAR, range, 4, 4)).toEqual({ least: null, most: null });
    expect(keptBy(LINEAR, range, 8, 8)).toEqual({ least: 4, most: 4.5 });
    expect(keptBy(LINEAR, range, 4, 5)).toEqual({ least: 2, most: 3 });
    expect(keptBy(LINEAR, null, 4, 4)).toEqual({ least: 2, most: 2.5 });
  });
});
