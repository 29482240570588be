import { describe, expect, it } from 'vitest';
import { formatValue } from './figures';
import { share, sharesBetween, valueAt } from './health';
import { readHealth } from './shown_health.fixture.svelte';

const health = readHealth({
  run: 'a',
  steps: [0, 100],
  heads: [1, 2],
  figures: {
    entropy: [
      [1, 0.5, 'NaN'],
      [0.5, 0, 0.25],
    ],
    max_logit: [
      [1, 10, 100],
      [1, 10, 'Infinity'],
    ],
  },
  digest: 'd',
});
const entropy = health.get('entropy')!;

describe('health', () => {
  it('keeps gaps and gives each step its range over heads', () => {
    expect(valueAt(entropy, 0, 2)).toBeNaN();
    expect(valueAt(entropy, 100, 2)).toBe(0.25);
    expect(valueAt(entropy, 50, 0)).toBeNaN();
    expect([...entropy.rangeOf(null)!.low]).toEqual([0.5, 0]);
    expect([...entropy.rangeOf(null)!.high]).toEqual([1, 0.5]);
  });

  it('has one scale over all heads and steps', () => {
    expect(entropy.scale).toEqual({ low: 0, high: 1, logarithmic: false });
    expect(share(entropy.scale, 0.25)).toBe(0.25);
  });

  it('turns logarithmic for magnitudes over a large range, and holds infinity at the top', () => {
    const { scale } = health.get('max_logit')!;
    expect(scale.logarithmic).toBe(true);
    expect(share(scale, 10)).toBeCloseTo(0.5);
    expect(share(scale, Number.POSITIVE_INFINITY)).toBe(1);
  });

  it('mixes steps, and where one has no value takes the other’s', () => {
    expect([...sharesBetween(entropy, 0, 100, 0.5)]).toEqual([0.75, 0.25, 0.25]);
  });
});

it('prints values short', () => {
  expect([0.1234, 12.34, 1234.5, 2.5e6, 0, Number.NaN, Number.POSITIVE_INFINITY].map(formatValue)).toEqual([
    '0.123',
    '12.3',
    '1,235',
    '2.5e6',
    '0',
    '–',
    '∞',
  ]);
});
