import { describe, expect, it } from 'vitest';
import { healthScores, ranked, scaleOf } from './scores';
import { readHealth } from './shown_health.fixture.svelte';

describe('heads by value', () => {
  const values = [0.1, 0.5, Number.NaN, 0.375, 0.9, 0.2];

  it('are sorted with the unknown last and equal ones as they were', () => {
    expect([...ranked([0, 1, 2, 3, 4, 5], values, true)]).toEqual([4, 1, 3, 5, 0, 2]);
    expect([...ranked([0, 1, 2, 3, 4, 5], values, false)]).toEqual([0, 5, 3, 1, 4, 2]);
    expect([...ranked([3, 1, 2], [0, 7, 7, 7], true)]).toEqual([3, 1, 2]);
    const diverged = [Number.NEGATIVE_INFINITY, Number.NaN, Number.POSITIVE_INFINITY, 0];
    expect([...ranked([0, 1, 2, 3], diverged, true)]).toEqual([2, 3, 0, 1]);
  });

  it('are sorted, 5,120 of them', () => {
    const many = Float64Array.from({ length: 5120 }, (_, i) => Math.sin(i * i));
    const order = ranked(many.keys(), many, true);
    expect(order.every((number, i) => i === 0 || many[order[i - 1]!]! >= many[number]!)).toBe(true);
  });
});

it('health figures are scores of the shown step, unknown where they were not recorded', () => {
  const health = readHealth({
    run: 'a',
    steps: [0, 100],
    heads: [2],
    figures: {
      sink: [
        [0.1, 0.2],
        [0.375, 'Infinity'],
      ],
    },
  });
  const [score] = healthScores(health, 100);
  expect(score).toMatchObject({ id: 'sink', title: 'Sink' });
  expect([...score!.values]).toEqual([0.375, Number.POSITIVE_INFINITY]);
  expect([...healthScores(health, 50)[0]!.values]).toEqual([Number.NaN, Number.NaN]);
});

it('a score of one step is scaled from 0, or from what lies below', () => {
  expect(scaleOf(Float64Array.of(0.2, Number.NaN, 0.4))).toEqual({ low: 0, high: 0.4, logarithmic: false });
  expect(scaleOf(Float64Array.of(-1, 3)).low).toBe(-1);
  expect(scaleOf(new Float64Array(2).fill(Number.NaN))).toEqual({ low: 0, high: 1, logarithmic: false });
});
