import { describe, expect, it } from 'vitest';
import { differenceOf, differMost, formatDifference } from './difference';
import { readHealth } from './shown_health.fixture.svelte';

function series(name: string, steps: number[], rows: (number | 'NaN' | 'Infinity')[][]) {
  const found = readHealth({ run: 'r', steps, heads: [rows[0]?.length ?? 0], figures: { [name]: rows } }).get(
    name,
  );
  if (!found) throw new Error(name);
  return found;
}

describe('the difference of two runs', () => {
  const a = series(
    'entropy',
    [0, 100],
    [
      [0.5, 0.5, 'NaN'],
      [0.9, 0.1, 0.2],
    ],
  );
  const b = series(
    'entropy',
    [0, 90],
    [
      [0.5, 0.5, 0.5],
      [0.2, 0.4, 0.3],
    ],
  );

  it('is what one has more than the other, head by head', () => {
    const { values, logarithmic } = differenceOf(a, b, [], [100, 90]);
    expect(logarithmic).toBe(false);
    expect([...values].map((x) => Number(x.toFixed(6)))).toEqual([0.7, -0.3, -0.1]);
  });

  it('has one scale for all pairs of steps', () => {
    const pairs = [
      [0, 0],
      [100, 90],
    ] as const;
    const at0 = differenceOf(a, b, pairs, [0, 0]);
    expect(at0.most).toBeCloseTo(0.7);
    expect([...at0.values]).toEqual([0, 0, Number.NaN]); // one of the two is not known
    expect(differenceOf(a, b, [], [0, 0]).most).toBe(1); // nothing differs: no division by 0
  });

  it('names the heads that differ most, of either sign, and none that does not', () => {
    expect(differMost(differenceOf(a, b, [], [100, 90]), 2)).toEqual([0, 1]);
    expect(differMost(differenceOf(a, b, [], [0, 0]), 9)).toEqual([]);
  });

  it('of magnitudes is a ratio', () => {
    const large = series('max_logit', [0], [[1, 1000, 'Infinity']]);
    const small = series('max_logit', [0], [[1, 10, 10]]);
    const difference = differenceOf(large, small, [], [0, 0]);
    expect([...difference.values]).toEqual([0, 2, Number.NaN]);
    expect(formatDifference(difference, 2)).toBe('×100');
    expect(formatDifference(difference, Math.log10(0.4))).toBe('÷2.5');
    expect(formatDifference(difference, Math.log10(250))).toBe('×250');
  });

  it('is written with its sign', () => {
    const write = (value: number) => formatDifference({ name: 'distance', logarithmic: false }, value);
    expect(formatDifference({ name: 'entropy', logarithmic: false }, -0.25)).toBe('−25 %');
    expect([0.7, -0.25, -0.0001, 12.34, Number.NaN].map(write)).toEqual([
      '+0.700',
      '−0.250',
      '0',
      '+12.3',
      '–',
    ]);
  });
});
