import { describe, expect, it } from 'vitest';
import type { HeadScore } from '../health/scores';
import type { Run } from '../run/types';
import { FiguresView } from './figures_view.svelte';

const score = (id: string, ...values: number[]): HeadScore => ({
  id,
  title: id,
  reads: '',
  values: Float64Array.from(values),
});
const SCORES = [
  score('sink', 0.1, 0.2),
  score('max_logit', 2, 8),
  score('entropy', 0.5, 1),
  score('next', Number.NaN),
];

function viewOf(scores = SCORES): FiguresView {
  return new FiguresView({ scores, health: { figures: null } });
}

describe('figures of all heads', () => {
  it('are those of which something is known, once they are looked at', () => {
    const view = viewOf();
    expect(view.spreads).toEqual([]);
    view.open = true;
    expect(view.spreads.map(({ score: { id } }) => id)).toEqual(['entropy', 'max_logit', 'sink']);
    expect([...(view.spreads[1]?.shares ?? [])]).toEqual([0.25, 1]); // from 0 to the greatest
  });

  it('stand against each other: two that tell much, or those that are chosen', () => {
    const view = viewOf();
    view.open = true;
    const ids = () => [view.axes?.across.score.id, view.axes?.up.score.id];
    expect(ids()).toEqual(['entropy', 'max_logit']);
    view.up = 'entropy';
    expect(ids()).toEqual(['max_logit', 'entropy']);
    view.across = 'sink';
    expect(ids()).toEqual(['sink', 'entropy']);
    view.across = 'gone';
    expect(ids()).toEqual(['max_logit', 'entropy']);
    const alone = viewOf(SCORES.slice(0, 1));
    alone.open = true;
    expect(alone.axes).toBeNull();
  });

  it('are in the address while they are looked at', () => {
    const view = viewOf();
    view.across = 'sink';
    expect(view.settings.said).toEqual({});
    view.open = true;
    expect(view.settings.said).toEqual({ figures: 'shown', across: 'sink' });
    const other = viewOf();
    other.settings.enter(new Map(Object.entries(view.settings.said)), {} as Run);
    expect([other.open, other.across, other.up]).toEqual([true, 'sink', null]);
  });
});
