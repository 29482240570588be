import { describe, expect, it } from 'vitest';
import { valueAt } from '../health/health';
import { type HeadScore, healthScores } from '../health/scores';
import { readHealth } from '../health/shown_health.fixture.svelte';
import { makeGrid } from '../render/layout';
import { layerOf } from '../run/layer.fixture';
import { arranging, headline, reading, stripOf, type Told } from './cells';

const layers = [layerOf({ number: 4, heads: 2, head_numbers: [0, 7] })];
const health = readHealth({
  run: 'a',
  steps: [0, 100],
  heads: [2],
  figures: {
    entropy: [
      [0.9, 0.8],
      [0.7, 0.6],
    ],
    induction: [
      [0.1, 0.2],
      [0.3, 0.8765],
    ],
  },
});
const scores = healthScores(health, 100);
const scoreOf = (id: string) => scores.find((score) => score.id === id) ?? null;

function shown(tint: HeadScore | null, ...told: string[]): Told {
  return {
    data: { layers },
    grid: makeGrid([2]),
    scores,
    scoring: { tint },
    against: { difference: null, series: null, step: null },
    arrangement: { told },
    names: { of: () => null },
    notes: { at: () => null, caption: () => null },
  };
}

describe('a cell', () => {
  it('tells the tint’s figure, and what sorts or filters the heads where that is another one', () => {
    expect(headline(shown(scoreOf('entropy')), { layer: 0, head: 1 })).toBe(
      'Layer 4 · Head 7 · Entropy 60 %',
    );
    expect(headline(shown(scoreOf('entropy'), 'induction'), { layer: 0, head: 1 })).toBe(
      'Layer 4 · Head 7 · Entropy 60 % · Induction 88 %',
    );
    expect(headline(shown(null, 'induction', 'entropy'), { layer: 0, head: 0 })).toBe(
      'Layer 4 · Head 0 · Induction 30 % · Entropy 70 %',
    );
    expect(arranging(shown(scoreOf('induction'), 'induction'))).toEqual([]);
    expect(arranging(shown(null, 'together'))).toEqual([]); // places are no figure
  });

  it('has the number that a chart has', () => {
    const series = health.get('induction');
    expect(reading(shown(scoreOf('induction')), 1)).toBe('88 %');
    expect(scoreOf('induction')?.values[1]).toBe(series && valueAt(series, 100, 1));
  });
});

it('leaves room above a map for what its head is, as long as words can be read there', () => {
  expect([20, 33, 34, 57, 58].map(stripOf)).toEqual([0, 0, 12, 12, 16]);
});
