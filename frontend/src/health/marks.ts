import { grouped } from '../base/numbers';
import { clustered } from '../base/steps';
import type { Alert, RunEvent } from '../run/findings';
import type { Layer } from '../run/types';
import { isRaised, type ToldEvent, toldTogether } from './events';

/** One mark above the timeline: the alerts that were raised at one step, or at steps too near to be told apart. */
export interface Mark {
  /** From 0 at the first checkpoint to 1 at the last. */
  readonly at: number;
  readonly raised: readonly ToldEvent[];
}

/** Marks from left to right, each at least `gap` (a share of the timeline) after the one before.
 * @param alerts as recorded: an alert without one is of a head that left its own past and the other heads */
export function marksOf(
  events: readonly RunEvent[],
  alerts: readonly Alert[],
  layers: readonly Layer[],
  steps: readonly number[],
  gap: number,
): Mark[] {
  return clustered(events.filter(isRaised), steps, gap).map(({ at, of }) => ({
    at,
    raised: toldTogether(of, alerts, layers),
  }));
}

/** What a mark is called: where, and what happened. */
export function markName({ raised }: Mark): string {
  const steps = [...new Set(raised.map(({ event }) => event.step))].map(grouped);
  const where = steps.length > 1 ? `steps ${steps[0]} to ${steps.at(-1)}` : `step ${steps[0]}`;
  const rules = raised.map(({ alert }) => alert?.rule.replaceAll('_', ' ') ?? 'unusual head');
  return `Alert at ${where}: ${[...new Set(rules)].join(', ')}`;
}
