import { grouped, stepName } from '../base/numbers';
import type { Alert, RunEvent } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { headLabel } from '../run/labels';
import type { Layer } from '../run/types';
import { briefly } from './alerts';

/** What stands before an event in a list, and what it is called there. */
export const SIGNS: Readonly<Record<RunEvent['what'], readonly [sign: string, word: string]>> = {
  formed: ['●', 'formed'],
  lost: ['○', 'lost'],
  alert: ['▲', 'alert'],
  cleared: ['△', 'cleared'],
  restart: ['↻', 'begun again'],
  'changed model': ['⇄', 'begun again with another model or probe'],
};

/** An event, as it is told in a list that has the step beside it. */
export interface ToldEvent {
  readonly event: RunEvent;
  /** The alert that it is. */
  readonly alert: Alert | null;
  readonly says: string;
}

const BREAKS: ReadonlySet<RunEvent['what']> = new Set(['restart', 'changed model']);

const stepOf = ({ step }: RunEvent) => grouped(step);

/** All that happened, as briefly as alerts are told, the newest first; of what happened at one step, trouble first.
 * @param alerts as recorded: an event of one of them is told as briefly as it is */
export function toldEvents(
  events: readonly RunEvent[],
  alerts: readonly Alert[],
  layers: readonly Layer[],
): ToldEvent[] {
  const recorded = new Map(alerts.map((alert) => [`${alert.step} ${alert.sentence}`, alert]));
  return events
    .map((event) => {
      const alert = recorded.get(`${event.step} ${event.sentence}`) ?? null;
      const says = alert
        ? briefly(alert, layers)
        : event.sentence
            .replace(` ${BREAKS.has(event.what) ? 'at' : 'since'} step ${stepOf(event)}`, '')
            .replace(/, seen$/, '');
      return { event, alert, says: says.replace(/, unlike the other heads$/, '') + begun(event, layers) };
    })
    .sort((a, b) => b.event.step - a.event.step || Number(b.event.trouble) - Number(a.event.trouble));
}

/** Of an alert of a head that is unhealthy already, since when: "; L1 H2 unhealthy since step 750". Words about trouble say it themselves. */
export function begun({ step, layer, head, kind, since }: RunEvent, layers: readonly Layer[]): string {
  if (since === null || since >= step || kind !== null || layer === null || head === null) return '';
  return `; ${headLabel(layers, layer, head)} unhealthy since ${stepName(since)}`;
}

/** What happened at steps too near to be told apart: trouble first, and each in the order of the steps. */
export function toldTogether(
  events: readonly RunEvent[],
  alerts: readonly Alert[],
  layers: readonly Layer[],
): ToldEvent[] {
  return toldEvents(events, alerts, layers).sort(
    (a, b) => Number(b.event.trouble) - Number(a.event.trouble) || a.event.step - b.event.step,
  );
}

/** What happened to a head at `step` itself and its sentence there does not say: a kind that it lost, a figure that left its past.
 * @param said the sentence */
export function happenedTo(
  { layer, head }: HeadPlace,
  events: readonly RunEvent[],
  step: number | undefined,
  said: string,
): ToldEvent[] {
  const own = events.filter((event) => event.step === step && event.layer === layer && event.head === head);
  const alone = own.map((event) => ({ ...event, since: null })); // the sentence says since when something is wrong
  return toldEvents(alone, [], [])
    .map((told) => ({ ...told, says: told.says.replace(/^L\d+ H\d+: /, '') }))
    .filter(({ event, says }) => (event.what === 'lost' || isAnomaly(event)) && !said.includes(says));
}

/** Whether no rule raised the alert: a head left its own past and the others. */
function isAnomaly({ what, kind, sentence }: RunEvent): boolean {
  return what === 'alert' && kind === null && sentence.endsWith(', unlike the other heads');
}

/** All that is known to have happened: alerts alone where heads cannot be named, or are not named yet. */
export function happened(events: readonly RunEvent[] | null, alerts: readonly Alert[]): readonly RunEvent[] {
  return events ?? eventsOf(alerts);
}

/** Whether an event is an alert: a rule was broken, or a head left its own past and the other heads. */
export function isRaised({ what }: RunEvent): boolean {
  return what === 'alert';
}

/** Whether an event stands among the alerts: one that was raised, or is over, or a restart at which heads lost their kinds. */
export function isOfAlerts({ what, trouble }: RunEvent): boolean {
  return what === 'alert' || what === 'cleared' || trouble;
}

/** The last time up to a step that training was begun again. */
export function begunAgain(
  events: readonly RunEvent[] | null | undefined,
  step: number | null,
): RunEvent | null {
  return events?.findLast((event) => BREAKS.has(event.what) && step !== null && event.step <= step) ?? null;
}

/** Alerts as events, where nothing else is known to have happened. */
export function eventsOf(alerts: readonly Alert[]): RunEvent[] {
  return alerts.map(({ step, raised, beyond, sentence, heads: [worst] }) => ({
    step,
    what: raised ? 'alert' : 'cleared',
    sentence,
    layer: (beyond && worst?.layer) ?? null,
    head: (beyond && worst?.head) ?? null,
    kind: null,
    trouble: raised,
    since: null,
  }));
}
