import { stepName } from '../base/numbers';
import { placeOfStep } from '../base/steps';
import type { Alert } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { headLabel } from '../run/labels';
import { type Layer, toNumber } from '../run/types';
import { figureTold, formatFigure, limitTold } from './figures';

/** The alerts to be told at a checkpoint, the newest first: those that were raised nearest to it, and older ones that still
 * stand, each of the heads alone of which its rule has said nothing since. */
export function alertsAt(alerts: readonly Alert[], steps: readonly number[], index: number): Alert[] {
  const step = steps[index] ?? Number.NEGATIVE_INFINITY;
  const last = new Map<string, number>();
  for (const alert of alerts.filter((one) => one.step <= step))
    for (const subject of subjectsOf(alert))
      last.set(subject, Math.max(alert.step, last.get(subject) ?? alert.step));
  const stands = (alert: Alert, subject: string) => (last.get(subject) ?? alert.step) <= alert.step;
  return alerts
    .filter(({ raised }) => raised)
    .flatMap((alert) => {
      const isNearest = checkpointOf(steps, alert) === index;
      if (!isNearest && alert.step > step) return [];
      const standing = subjectsOf(alert).map((subject) => stands(alert, subject));
      if (!standing.includes(true)) return isNearest ? [alert] : [];
      return standing.includes(false)
        ? [{ ...alert, heads: alert.heads.filter((_, i) => standing[i]) }]
        : [alert];
    })
    .sort((a, b) => b.step - a.step);
}

/** What an alert tells of: its rule about each of its heads, or about the model as a whole. */
function subjectsOf({ rule, beyond, heads }: Alert): string[] {
  return beyond ? heads.map(({ layer, head }) => `${rule} ${layer} ${head}`) : [rule];
}

/** The heads that broke a rule when an alert was raised, also those that are back by now. */
export function raisedOf(alerts: readonly Alert[], { rule, step }: Alert): readonly HeadPlace[] {
  return alerts
    .filter((one) => one.raised && one.rule === rule && one.step === step)
    .flatMap(({ heads }) => heads);
}

/** The figures of which alerts of this head stand at a checkpoint. */
export function alertedFigures(
  alerts: readonly Alert[],
  place: HeadPlace,
  steps: readonly number[],
  index: number,
): ReadonlySet<string> {
  const isOwn = ({ layer, head }: HeadPlace) => layer === place.layer && head === place.head;
  // Others' heads, which may be thousands, are not looked up one by one.
  const own = alerts.map((alert) => (alert.beyond ? { ...alert, heads: alert.heads.filter(isOwn) } : alert));
  const standing = alertsAt(
    own.filter(({ beyond, heads }) => !beyond || heads.length > 0),
    steps,
    index,
  );
  return new Set(standing.filter(({ heads }) => heads.some(isOwn)).map(({ figure }) => figure));
}

/** Number of the checkpoint at which an alert is shown: the nearest. */
function checkpointOf(steps: readonly number[], { step }: Alert): number {
  return Math.round(placeOfStep(steps, step));
}

/** "L1 H2: largest logit 132, above 100"; what was recorded where the rule is about the model, or on which side heads break it is not known. */
export function briefly(alert: Alert, layers: readonly Layer[]): string {
  const [worst] = alert.heads;
  if (!alert.beyond || !worst) return alert.sentence;
  const others = alert.heads.length > 1 ? ` and ${alert.heads.length - 1} more` : '';
  const name = `${headLabel(layers, worst.layer, worst.head)}${others}`;
  const value = formatFigure(alert.figure, toNumber(worst.value));
  const side = `${alert.raised ? '' : 'no longer '}${alert.beyond} ${limitTold(alert.figure, toNumber(alert.limit))}`;
  return `${name}: ${figureTold(alert.figure)} ${value}, ${side}`;
}

/** What was recorded with an alert, with its step in front where another one is shown. */
export function recordedAt({ sentence, step: raised }: Alert, step: number | null): string {
  if (step === raised) return sentence;
  const end = ` (step ${raised})`;
  return `At ${stepName(raised)}: ${sentence.endsWith(end) ? sentence.slice(0, -end.length) : sentence}`;
}
