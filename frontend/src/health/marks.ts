import { grouped } from '../base/numbers';
import { clustered } from '../base/steps';
import type { Alert, RunEvent } from '../run/findings';
import type { Layer } from '../run/types';
import { isRaised, type ToldEvent, toldTogether } from './events';

/** One mark above the timeline: the alerts that were raised at one step, or at steps too near to be told apart. */
export interface Mark {
  /** A place on the timeline. */
  readonly at: number;
  readonly raised: readonly ToldEvent[];
}

/** Marks from left to right, each at least `gap` after the one before.
 * @param alerts as recorded: an alert without one is of a head that left its own past and the other heads
 * @param placeOf a step, in the unit of `gap` */
export function marksOf(
  events: readonly RunEvent[],
  alerts: readonly Alert[],
  layers: readonly Layer[],
  placeOf: (step: number) => number,
  gap: number,
): Mark[] {
  return clustered(events.filter(isRaised), placeOf, gap).map(({ at, of }) => ({
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
