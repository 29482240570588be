import { expect, it } from 'vitest';
import type { Series } from './health';
import { ChartOrder, standsOut } from './standing_out';

function series(name: string, newest: readonly number[], high = 1): Series {
  return {
    name,
    steps: [0, 10],
    heads: newest.length,
    scale: { low: 0, high, logarithmic: false },
    at: (step) => (step === 10 ? Float32Array.from(newest) : null),
    extremes: null,
    rangeOf: () => null,
  };
}

it('counts robust deviations from the median of all heads', () => {
  // Median 0.6, absolute deviations 0.2, 0, 0.1, 0, 0.3: their median is 0.1.
  expect(standsOut(series('sink', [0.4, 0.6, 0.5, 0.6, 0.9]), 4)).toBeCloseTo(0.3 / (1.4826 * 0.1 + 0.02), 4);
  expect(standsOut(series('sink', [0.4, 0.6, 0.5, 0.6, 0.9]), 1)).toBeCloseTo(0, 5);
});

it('takes heads that hardly differ for alike', () => {
  expect(standsOut(series('self', [0.5, 0.5, 0.5, 0.501]), 3)).toBeLessThan(0.1);
});

it('puts what stands out first, keeps the order of equals, and what is not known last', () => {
  const [plain, alike, unknown, far] = [
    series('a', [0.5, 0.5, 0.5]),
    series('b', [0.2, 0.2, 0.2]),
    series('c', [0.5, 0.5, Number.NaN]),
    series('d', [0.1, 0.1, 0.9]),
  ];
  expect(new ChartOrder().names('run 1 2', [unknown, plain, alike, far], 2)).toEqual(['d', 'a', 'b', 'c']);
});

it('moves no chart for what comes later, but for another head, run or start', () => {
  const order = new ChartOrder();
  const figures = (far: 'a' | 'b') => [
    series('a', [0.5, 0.5, far === 'a' ? 0.9 : 0.5]),
    series('b', [0.5, 0.5, far === 'b' ? 0.9 : 0.5]),
  ];
  expect(order.names('run 1 2', figures('b'), 2)).toEqual(['b', 'a']);
  expect(order.names('run 1 2', figures('a'), 2)).toEqual(['b', 'a']);
  expect(order.names('run 2 2', figures('a'), 2)).toEqual(['a', 'b']);
});

it('does not know what is not here', () => {
  expect(standsOut({ ...series('a', [1]), at: () => null }, 0)).toBeNull();
});
