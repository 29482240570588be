import { expect, it } from 'vitest';
import type { HeadScore } from '../health/scores';
import { ShownHealth } from '../health/shown_health.fixture.svelte';
import { makeGrid } from '../render/layout';
import { layerOf } from '../run/layer.fixture';
import type { Offers } from '../run/source';
import type { Run } from '../run/types';
import { Scoring } from './scoring.svelte';

const OFFERS: Offers = { projections: [], dims: [], trust: false, comparisons: false, says: '' };

function scoreOf(id: string, ...values: number[]): HeadScore {
  return { id, title: id, reads: '', values: Float64Array.from(values) };
}

function setup(offers?: Offers) {
  const health = new ShownHealth({
    run: 'a',
    steps: [0, 100],
    heads: [2],
    figures: {
      sink: [
        [0.125, 0.25],
        [0.375, 0.875],
      ],
    },
  });
  const playback = $state({ steps: [0, 100], index: 1, step: 100 as number | null, moving: false });
  const search = $state({ clustering: { score: null as HeadScore | null } });
  const never = () => Promise.reject(new Error('Nothing is asked for.'));
  const scoring = new Scoring(
    {
      data: {
        run: { run: 'a', error: null } as Run,
        layers: [layerOf({ heads: 2, head_numbers: [0, 1] })],
        source: { ...(offers && { offers }), change: never, similarity: never, headOrder: never },
      },
      focus: { opened: null, isOpened: () => false },
      playback,
      grid: makeGrid([2]),
      health,
      search,
      against: { score: null, difference: null },
    },
    () => ({ uses: () => false, places: () => false }),
  );
  return { scoring, health, playback, search };
}

it('has the health figures of the shown step, then what else is known of heads', () => {
  const { scoring, playback, search } = setup();
  expect(scoring.all.map(({ id }) => id)).toEqual(['sink', 'change']);
  expect([...(scoring.all[0]?.values ?? [])]).toEqual([0.375, 0.875]);
  playback.step = 0;
  expect([...(scoring.all[0]?.values ?? [])]).toEqual([0.125, 0.25]);
  search.clustering.score = scoreOf('clustering', 1, 2);
  scoring.likeness.to = { layer: 0, head: 1 };
  expect(scoring.all.map(({ id }) => id)).toEqual(['sink', 'change', 'likeness', 'clustering']);
  expect(scoring.arranging.at(-1)?.id).toBe('together'); // by which one sorts, but tints nothing
  playback.step = null;
  expect(scoring.all.map(({ id }) => id)).not.toContain('sink');
});

it('tints by one of them: a figure on the scale of all steps, another on its own', () => {
  const { scoring, health, search } = setup();
  expect([scoring.tint, scoring.scale]).toEqual([null, null]);
  health.tint = 'sink';
  expect(scoring.tint?.id).toBe('sink');
  expect(scoring.scale).toEqual({ low: 0.125, high: 0.875, logarithmic: false });
  search.clustering.score = scoreOf('clustering', 1, 4);
  health.tint = 'clustering';
  expect(scoring.tint?.id).toBe('clustering');
  expect(scoring.scale).toEqual({ low: 0, high: 4, logarithmic: false });
});

it('has no comparisons of heads in a page that does not hold them', () => {
  const { scoring } = setup(OFFERS);
  scoring.likeness.to = { layer: 0, head: 1 };
  expect(scoring.arranging.map(({ id }) => id)).toEqual(['sink']);
});
