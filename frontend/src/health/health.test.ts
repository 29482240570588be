import { describe, expect, it } from 'vitest';
import type { HealthDocument, KnownHealth } from '../run/types';
import { formatValue } from './figures';
import { extendHealth, readHealth, share, sharesBetween, valueAt } from './health';

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
    expect([...entropy.low]).toEqual([0.5, 0]);
    expect([...entropy.high]).toEqual([1, 0.5]);
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

describe('extendHealth', () => {
  const document = (
    steps: number[],
    figures: HealthDocument['figures'] = { entropy: steps.map((step) => [step]) },
  ) => ({
    run: 'a',
    steps,
    heads: [1],
    figures,
    digest: `up to ${steps.at(-1) ?? 'the last'}`,
  });
  const answers = (answer: HealthDocument) => {
    const asked: (KnownHealth | null)[] = [];
    const health = async (_: string, known: KnownHealth | null) => {
      asked.push(known);
      return answer;
    };
    return { asked, health };
  };

  it('asks for what came since, and adds it', async () => {
    const source = answers(document([300]));
    const all = await extendHealth(source, 'a', document([100, 200]));
    expect(source.asked).toEqual([{ since: 200, known: 'up to 200' }]);
    expect(all).toEqual(document([100, 200, 300]));
  });

  it('keeps the same object where nothing is new', async () => {
    const known = document([100, 200]);
    expect(await extendHealth(answers({ ...known, steps: [], figures: { entropy: [] } }), 'a', known)).toBe(
      known,
    );
  });

  it('asks for everything of another run', async () => {
    const other = answers({ ...document([100]), run: 'b' });
    await extendHealth(other, 'b', document([100, 200]));
    expect(other.asked).toEqual([null]);
  });

  it('forgets what it knew of steps that were written again, or are gone', async () => {
    const known = document([100, 200]);
    const again = { ...document([100, 200], { entropy: [[1], [2]] }), digest: 'another' };
    expect(await extendHealth(answers(again), 'a', known)).toBe(again);
    const withNewFigure = document([100, 200, 300], { entropy: [[1], [2], [3]], sink: [[0], [0], [0]] });
    expect(await extendHealth(answers(withNewFigure), 'a', known)).toBe(withNewFigure);
    for (const left of [document([100]), document([])])
      expect(await extendHealth(answers(left), 'a', known)).toBe(left);
  });
});
