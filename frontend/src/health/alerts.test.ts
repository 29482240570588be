import { describe, expect, it } from 'vitest';
import type { Alert } from '../run/types';
import { alertsAt, markName, marksOf } from './alerts';

const alert = (step: number, rule = 'max_logit', raised = true): Alert => ({
  step,
  rule,
  figure: rule,
  raised,
  limit: 100,
  sentence: `${rule} at ${step}`,
  heads: [{ layer: 0, head: 1, value: 132 }],
});
const steps = [0, 100, 200, 1000];

describe('marks of alerts', () => {
  it('stand where their step stands between the first and the last checkpoint', () => {
    expect(marksOf([alert(1000), alert(250)], steps, 0.01).map(({ at }) => at)).toEqual([0.25, 1]);
  });

  it('are of what was raised, not of what was cleared', () => {
    expect(marksOf([alert(100, 'entropy', false)], steps, 0.01)).toEqual([]);
  });

  it('become one where they would lie on each other', () => {
    const [first, second, ...rest] = marksOf([alert(100), alert(105, 'entropy'), alert(500)], steps, 0.01);
    expect(first?.alerts.map(({ step }) => step)).toEqual([100, 105]);
    expect(second?.alerts.map(({ step }) => step)).toEqual([500]);
    expect(rest).toEqual([]);
  });

  it('stay on the timeline when they are newer than the last checkpoint', () => {
    expect(marksOf([alert(1200)], steps, 0.01)[0]?.at).toBe(1);
  });

  it('say where they are and what for', () => {
    const name = (...alerts: Alert[]) => markName({ at: 0, alerts });
    expect(name(alert(1200), alert(1200, 'entropy'))).toBe('Alert at step 1,200: max logit, entropy');
    expect(name(alert(100), alert(105))).toBe('Alert at steps 100 to 105: max logit');
  });
});

describe('the alerts of a checkpoint', () => {
  const told = (alerts: readonly Alert[], index: number) =>
    alertsAt(alerts, steps, index).map(({ sentence }) => sentence);

  it('are told from the one nearest to them on until they are cleared, the newest first', () => {
    const alerts = [alert(90), alert(100, 'entropy'), alert(900, 'max_logit', false)];
    expect([0, 1, 2, 3].map((index) => told(alerts, index))).toEqual([
      [],
      ['entropy at 100', 'max_logit at 90'],
      ['entropy at 100', 'max_logit at 90'],
      ['entropy at 100'],
    ]);
  });

  it('are told at the nearest one also where they were cleared before it', () => {
    expect(told([alert(150), alert(180, 'max_logit', false)], 2)).toEqual(['max_logit at 150']);
    expect(told([alert(150), alert(180, 'max_logit', false)], 3)).toEqual([]);
  });

  it('stand while it is another head that is back', () => {
    const back = { ...alert(200, 'max_logit', false), heads: [{ layer: 3, head: 0, value: 7 }] };
    expect(told([alert(100), back], 3)).toEqual(['max_logit at 100']);
  });
});
