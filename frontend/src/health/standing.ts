import { grouped } from '../base/numbers';
import type { Alert } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { headLabel } from '../run/labels';
import { type Layer, toNumber } from '../run/types';
import { alertsAt } from './alerts';
import { figureTold, formatFigure, limitTold } from './figures';

/** Heads of which the same rules stand broken, told together. */
export interface Standing {
  /** Those of the newest alert first, its worst one first; none where the rule is of the model as a whole. */
  readonly heads: readonly HeadPlace[];
  /** The newest first. */
  readonly alerts: readonly Alert[];
}

/** What is known of the heads at the shown step. */
export interface Known {
  readonly layers: readonly Layer[];
  readonly step: number;
  /** A figure of a head, NaN where it is not known. */
  now(figure: string, place: HeadPlace): number;
  /** Since when something is wrong with a head without a break; null where that is not known. */
  unhealthy(place: HeadPlace): number | null;
}

/** Names of heads that are told at most. */
const NAMED = 3;

/** All that is told at a checkpoint, the newest first: alerts that were raised nearest to it, and older ones until their head is back. */
export function standingAt(
  alerts: readonly Alert[],
  steps: readonly number[],
  index: number,
): readonly Standing[] {
  const told = alertsAt(alerts, steps, index);
  const isOfHeads = ({ beyond, heads }: Alert) => beyond && heads.length > 0;
  const heads = new Map<string, { readonly place: HeadPlace; readonly alerts: Alert[] }>();
  for (const alert of told.filter(isOfHeads))
    for (const { layer, head } of alert.heads) {
      const key = `${layer} ${head}`;
      const known = heads.get(key) ?? { place: { layer, head }, alerts: [] };
      if (!known.alerts.some(({ rule }) => rule === alert.rule)) known.alerts.push(alert);
      heads.set(key, known);
    }
  const together = new Map<string, { readonly heads: HeadPlace[]; readonly alerts: Set<Alert> }>();
  for (const { place, alerts: own } of heads.values()) {
    const key = own
      .map(({ rule }) => rule)
      .sort()
      .join();
    const known = together.get(key) ?? { heads: [], alerts: new Set() };
    known.heads.push(place);
    for (const alert of own) known.alerts.add(alert);
    together.set(key, known);
  }
  return [
    ...[...together.values()].map((one) => ({ heads: one.heads, alerts: [...one.alerts] })),
    ...told.filter((alert) => !isOfHeads(alert)).map((alert) => ({ heads: [], alerts: [alert] })),
  ];
}

/** "L1 H2 unhealthy since step 750: largest logit 140, above 100"; of several heads the values of the first, and the first and
 * the last step since when they are. */
export function standingTold({ heads, alerts }: Standing, known: Known): string {
  const [worst] = heads;
  if (!worst) return alerts.map(({ sentence }) => sentence).join('; ');
  const name = ({ layer, head }: HeadPlace) => headLabel(known.layers, layer, head);
  const of = (place: HeadPlace) => alerts.filter((alert) => recordedOf(alert, place) !== undefined);
  const since = (place: HeadPlace) =>
    known.unhealthy(place) ?? Math.min(...of(place).map(({ step }) => step));
  const reasons = of(worst)
    .map((alert) => reasonOf(alert, worst, known))
    .join('; ');
  if (heads.length === 1) return `${name(worst)} unhealthy since step ${grouped(since(worst))}: ${reasons}`;
  const more = heads.length > NAMED ? ` and ${heads.length - NAMED} more` : '';
  const begun = heads.map(since).sort((a, b) => a - b);
  const [first, last] = [grouped(begun[0]), grouped(begun.at(-1))];
  const when = first === last ? `step ${first}` : `steps ${first} to ${last}`;
  return `${heads.slice(0, NAMED).map(name).join(', ')}${more} unhealthy since ${when}; ${name(worst)}: ${reasons}`;
}

/** Why an alert is told of a head: "largest logit 140, above 100"; where it is no longer beyond the limit, or that is not known, as it was when it
 * was raised: "…, above 100 at step 800". When a limit was crossed that stands, its details tell. */
function reasonOf(alert: Alert, place: HeadPlace, { step, now: at }: Known): string {
  const [limit, now] = [toNumber(alert.limit), at(alert.figure, place)];
  const isNow = alert.step < step && (alert.beyond === 'above' ? now > limit : now < limit);
  const value = isNow ? now : (recordedOf(alert, place) ?? Number.NaN);
  const when = isNow || alert.step === step ? '' : ` at step ${grouped(alert.step)}`;
  return `${figureTold(alert.figure)} ${formatFigure(alert.figure, value)}, ${alert.beyond} ${limitTold(alert.figure, limit)}${when}`;
}

function recordedOf({ heads }: Alert, { layer, head }: HeadPlace): number | undefined {
  const found = heads.find((one) => one.layer === layer && one.head === head);
  return found && toNumber(found.value);
}
