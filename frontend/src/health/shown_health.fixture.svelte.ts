import type { DataSource } from '../run/source';
import type { HealthDocument } from '../run/types';
import { figureOf, rangeOf, rowsOf, stepsOf, type WholeHealth, wholeHealth } from '../run/whole_health';
import { type Series, wholeSeries } from './health';

export type Written = HealthDocument;

/** All figures of a document, as if a run's were held whole. */
export function readHealth(document: Written): ReadonlyMap<string, Series> {
  return wholeSeries(wholeHealth(document));
}

/** A run's figures that are here, for what stands on `RunHealth`. */
export class ShownHealth {
  tint = $state<string | null>('entropy');
  readonly figures;
  readonly series = $derived.by(() => this.figures.get(this.tint ?? '') ?? null);

  constructor(document: Written) {
    this.figures = readHealth(document);
  }
}

/** A source that has the figures of `document`, whatever that is by then. */
export function sourceOf(
  document: () => Written,
): Pick<DataSource, 'healthSteps' | 'healthRows' | 'healthFigure' | 'healthRange' | 'alerts'> {
  let known: readonly [Written, WholeHealth] | null = null;
  const whole = () => {
    const now = document();
    if (known?.[0] !== now) known = [now, wholeHealth({ digest: 'written', ...now })];
    return known[1];
  };
  return {
    healthSteps: async (_, known) => stepsOf(whole(), known),
    healthRows: async (query) => rowsOf(whole(), query),
    healthFigure: async (query) => figureOf(whole(), query),
    healthRange: async (query) => rangeOf(whole(), query),
    alerts: async (run) => ({ run, alerts: [] }),
  };
}
