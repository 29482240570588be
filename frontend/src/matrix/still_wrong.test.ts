import { expect, it } from 'vitest';
import { alertAt } from '../health/alert.fixture';
import type { RunEvent } from '../run/findings';
import { stillWrong } from './still_wrong';

const steps = [0, 100, 200, 300];
const NEWEST = 3;
const dead = (step: number, what: 'alert' | 'cleared', head = 1): RunEvent => ({
  ...{ step, what, head, layer: 0, kind: 'dead', sentence: '', trouble: what === 'alert', since: null },
});
const known = { alerts: [], events: [], heads: [{ unhealthy: null }] };

it.each([
  ['nothing happened', {}, false],
  ['a rule is broken', { alerts: [alertAt(100)] }, true],
  ['it is kept again', { alerts: [alertAt(100), alertAt(200, 'max_logit', false)] }, false],
  ['another one is broken', { alerts: [alertAt(100), alertAt(200, 'entropy', false)] }, true],
  ['a head is dead', { events: [dead(100, 'alert')] }, true],
  ['it is no more', { events: [dead(100, 'alert'), dead(200, 'cleared')] }, false],
  ['another one is no more', { events: [dead(100, 'alert'), dead(200, 'cleared', 2)] }, true],
  ['it is dead again', { events: [dead(0, 'alert'), dead(100, 'cleared'), dead(200, 'alert')] }, true],
  ['a head has left its own past', { heads: [{ unhealthy: 200 }] }, true],
] as const)('%s', (_, change, wrong) => {
  expect(stillWrong({ ...known, ...change }, steps, NEWEST)).toBe(wrong);
});

it('stands at the shown step, or at the newest one', () => {
  const over = [alertAt(100), alertAt(200, 'max_logit', false)];
  expect([0, 1, 2].map((index) => stillWrong({ ...known, alerts: over }, steps, index))).toEqual([
    false,
    true,
    false,
  ]);
  expect(stillWrong({ ...known, alerts: [alertAt(200)] }, steps, 0)).toBe(true);
});
