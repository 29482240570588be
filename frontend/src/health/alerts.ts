import { placeOfStep, shareOfStep } from '../base/steps';
import type { Alert } from '../run/types';

/** One mark above the timeline: the alerts that were raised at one step, or at steps too near to be told apart. */
export interface Mark {
  /** From 0 at the first checkpoint to 1 at the last. */
  readonly at: number;
  readonly alerts: readonly Alert[];
}

/** Marks from left to right, each at least `gap` (a share of the timeline) after the one before. */
export function marksOf(alerts: readonly Alert[], steps: readonly number[], gap: number): Mark[] {
  const marks: { at: number; alerts: Alert[] }[] = [];
  for (const alert of alerts.filter(({ raised }) => raised).sort((a, b) => a.step - b.step)) {
    // Health may be recorded more often than samples: an alert may come after the last checkpoint.
    const at = Math.min(1, Math.max(0, shareOfStep(steps, alert.step)));
    const last = marks.at(-1);
    if (last && at - last.at < gap) last.alerts.push(alert);
    else marks.push({ at, alerts: [alert] });
  }
  return marks;
}

/** The alerts to be told at a checkpoint, the newest first: those that were raised nearest to it, and older ones that still
 * stand, since their rule has said of none of their heads that it is back. */
export function alertsAt(alerts: readonly Alert[], steps: readonly number[], index: number): Alert[] {
  const step = steps[index] ?? Number.NEGATIVE_INFINITY;
  const isBack = (alert: Alert) =>
    alerts.some(
      (later) =>
        !later.raised &&
        later.rule === alert.rule &&
        later.step > alert.step &&
        later.step <= step &&
        later.heads.some(({ layer, head }) =>
          alert.heads.some((other) => other.layer === layer && other.head === head),
        ),
    );
  return alerts
    .filter(({ raised }) => raised)
    .filter((alert) => checkpointOf(steps, alert) === index || (alert.step <= step && !isBack(alert)))
    .sort((a, b) => b.step - a.step);
}

/** Number of the checkpoint at which an alert is shown: the nearest. */
export function checkpointOf(steps: readonly number[], { step }: Alert): number {
  return Math.round(placeOfStep(steps, step));
}

/** What a mark is called: where, and what happened. */
export function markName({ alerts }: Mark): string {
  const steps = [...new Set(alerts.map(({ step }) => step))].map((step) => step.toLocaleString('en-US'));
  const where = steps.length > 1 ? `steps ${steps[0]} to ${steps.at(-1)}` : `step ${steps[0]}`;
  const rules = [...new Set(alerts.map(({ rule }) => rule.replaceAll('_', ' ')))].join(', ');
  return `Alert at ${where}: ${rules}`;
}
