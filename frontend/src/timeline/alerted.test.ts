import { beforeEach, expect, it } from 'vitest';
import type { Alert, RunEvent } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { goToAlert, goToEvent, goToTold } from './alerted';

let went: number[];
let opened: HeadPlace[];
const alert = (step: number, ...heads: (readonly [number, number])[]): Alert => ({
  step,
  rule: 'max_logit',
  figure: 'max_logit',
  raised: true,
  limit: 100,
  sentence: '',
  heads: heads.map(([layer, head]) => ({ layer, head, value: 132 })),
});
const health: { asked: string | null } = { asked: null };
const session = () => ({
  playback: { steps: [0, 100, 200], glideTo: (index: number) => went.push(index) },
  data: { layers: [{ heads: 2 }] },
  focus: { selection: null, open: (place: HeadPlace) => opened.push(place) },
  health,
});
const go = (to: Alert) => goToAlert(session(), to);

beforeEach(() => {
  went = [];
  opened = [];
  health.asked = null;
});

it('goes to the nearest checkpoint and opens the worst head', () => {
  go(alert(130, [0, 1], [0, 0]));
  expect([went, opened]).toEqual([[1], [{ layer: 0, head: 1 }]]);
});

it('asks for the figure that an alert is about', () => {
  go(alert(130, [0, 1]));
  expect(health.asked).toBe('max_logit');
});

it('goes to the first checkpoint that shows an event', () => {
  const event = { what: 'formed', sentence: '', kind: 'induction', trouble: false, since: null } as const;
  const happened: RunEvent[] = [
    { ...event, step: 110, layer: 0, head: 1 },
    { ...event, step: 100, layer: null, head: null },
    { ...event, step: 300, layer: 0, head: 0 },
  ];
  for (const one of happened) goToEvent(session(), one);
  expect([went, opened]).toEqual([
    [2, 1, 2],
    [
      { layer: 0, head: 1 },
      { layer: 0, head: 0 },
    ],
  ]);
});

it('goes to an alert of a rule as to that, and to a head that left its past as to an event', () => {
  const event: RunEvent = {
    step: 130,
    what: 'alert',
    sentence: '',
    layer: 0,
    head: 0,
    kind: null,
    trouble: true,
    since: null,
  };
  goToTold(session(), { event, alert: alert(130, [0, 1]), says: '' });
  expect(health.asked).toBe('max_logit');
  goToTold(session(), { event, alert: null, says: '' });
  expect([went, opened, health.asked]).toEqual([
    [1, 2],
    [
      { layer: 0, head: 1 },
      { layer: 0, head: 0 },
    ],
    null,
  ]);
});

it('opens no head that this run has not', () => {
  go(alert(900, [0, 2]));
  go(alert(0, [1, 0]));
  go(alert(0));
  expect([went, opened]).toEqual([[2, 0, 0], []]);
});
