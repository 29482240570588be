import { figureOrder } from '../health/figures';
import type { RunHealth } from '../health/run_health.svelte';
import { type HeadScore, scaleOf } from '../health/scores';
import { SCORE } from '../matrix/head_filter';
import type { Feature } from '../run/feature';
import { type Settings, settings, text, word } from '../run/setting';
import { type Spread, spreadOf } from './spread';

interface Needs {
  /** At the shown step. */
  readonly scores: readonly HeadScore[];
  readonly health: Pick<RunHealth, 'figures'>;
}

/** Two figures that the heads are laid out by until others are chosen, as far as the run has them. */
const USUAL = ['entropy', 'induction', 'max_logit', 'sink'];

/** How all figures are spread over the heads, and two of them against each other. */
export class FiguresView implements Feature {
  open = $state(false);
  /** Ids of the figures that the heads stand by, as chosen. */
  across = $state<string | null>(null);
  up = $state<string | null>(null);
  readonly settings: Settings = settings<FiguresView>(this, {
    open: word('shown', true).as('figures'),
    across: text(SCORE).when(() => this.open),
    up: text(SCORE).when(() => this.open),
  });

  constructor(private readonly session: Needs) {}

  /** Of all that is known of some head; none while they are not looked at. */
  readonly spreads: readonly Spread[] = $derived.by(() => {
    if (!this.open) return [];
    const { scores, health } = this.session;
    const order = figureOrder(scores.map(({ id }) => id));
    return [...scores]
      .sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
      .filter(({ values }) => !values.every(Number.isNaN))
      .map((score) => spreadOf(score, health.figures?.get(score.id)?.scale ?? scaleOf(score.values)));
  });

  /** The two that are laid out against each other; null where there are no two. */
  readonly axes: { readonly across: Spread; readonly up: Spread } | null = $derived.by(() => {
    const usual = [...USUAL.flatMap((id) => this.spread(id) ?? []), ...this.spreads];
    const up = this.spread(this.up);
    const across = this.spread(this.across) ?? usual.find((one) => one !== up) ?? null;
    const other = up ?? usual.find((one) => one !== across) ?? null;
    return across && other ? { across, up: other } : null;
  });

  private spread(id: string | null): Spread | null {
    return this.spreads.find(({ score }) => score.id === id) ?? null;
  }
}
