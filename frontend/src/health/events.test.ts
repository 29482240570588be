import { describe, expect, it } from 'vitest';
import type { Alert, RunEvent } from '../run/findings';
import type { Layer } from '../run/types';
import { begunAgain, eventsOf, happenedTo, isOfAlerts, toldEvents, toldTogether } from './events';

const layers = [{ number: 0, head_numbers: [0, 3] } as unknown as Layer];
const alert: Alert = {
  step: 200,
  rule: 'max_logit',
  figure: 'max_logit',
  raised: true,
  limit: 100,
  beyond: 'above',
  sentence: 'max_logit of layer 0 (a) head 3 is 132, over 100: that grows (step 200)',
  heads: [{ layer: 0, head: 1, value: 132 }],
};
const formed = (step: number): RunEvent => ({
  step,
  what: 'formed',
  sentence: `L0 H3: 11 tokens back since step ${step}`,
  layer: 0,
  head: 1,
  kind: 'fixed',
  trouble: false,
  since: null,
});

describe('all that happened', () => {
  it('is told newest first, trouble first, without what stands beside it', () => {
    const events = [formed(100), formed(200), ...eventsOf([alert]), formed(300)];
    expect(toldEvents(events, [alert], layers).map(({ event, says }) => [event.step, says])).toEqual([
      [300, 'L0 H3: 11 tokens back'],
      [200, 'L0 H3: largest logit 132, above 100'],
      [200, 'L0 H3: 11 tokens back'],
      [100, 'L0 H3: 11 tokens back'],
    ]);
  });

  it('is told trouble first where it cannot be told apart, then in the order of the steps', () => {
    const dead = { ...formed(205), sentence: 'L0 H3: dead since step 205', kind: 'dead', trouble: true };
    const told = toldTogether([formed(204), formed(200), dead, formed(201)], [], layers);
    expect(told.map(({ event }) => event.step)).toEqual([205, 200, 201, 204]);
  });

  it('tells an unusual head as briefly as an alert, and longer where it is asked for', () => {
    const sentence = 'L0 H1: key norm 5, about 1 before, unlike the other heads';
    const [told] = toldEvents([{ ...formed(50), what: 'alert', sentence }], [], layers);
    expect([told?.says, told?.event.sentence]).toEqual(['L0 H1: key norm 5, about 1 before', sentence]);
  });

  it('says since when the head of a later alert is unhealthy', () => {
    const says = (event: Partial<RunEvent>) =>
      toldEvents(
        [{ ...formed(200), what: 'alert', sentence: 'L0 H3: odd', kind: null, ...event }],
        [],
        layers,
      )[0]?.says;
    expect(says({ since: 150 })).toBe('L0 H3: odd; L0 H3 unhealthy since step 150');
    expect(says({ since: 200 })).toBe('L0 H3: odd');
    expect(
      says({ since: 150, kind: 'dead', sentence: 'L0 H3: dead since step 200 (unhealthy since step 150)' }),
    ).toBe('L0 H3: dead (unhealthy since step 150)');
  });

  it('says how it was begun again without the step beside it', () => {
    const sentence = 'begun again at step 50 with another model (4 → 6 heads a layer)';
    const [begun] = toldEvents([{ ...formed(50), what: 'changed model', sentence }], [], layers);
    expect(begun?.says).toBe('begun again with another model (4 → 6 heads a layer)');
  });

  it('has the last restart up to a step, and one at which something was lost among the alerts', () => {
    const restart = (step: number, trouble: boolean): RunEvent => ({
      ...formed(step),
      what: 'restart',
      trouble,
    });
    const events = [restart(100, true), formed(150), restart(200, false)];
    expect([50, 150, 300].map((step) => begunAgain(events, step)?.step)).toEqual([undefined, 100, 200]);
    expect(events.map(isOfAlerts)).toEqual([true, false, false]);
  });

  it('has the alert that an event is of', () => {
    const [first, second] = toldEvents([...eventsOf([alert]), formed(100)], [alert], layers);
    expect([first?.alert, second?.alert]).toEqual([alert, null]);
  });

  it('is its alerts where heads cannot be named', () => {
    const ofModel = { ...alert, step: 300, raised: false, beyond: null };
    const told = eventsOf([alert, ofModel]);
    expect(told.map(({ what, head, trouble }) => [what, head, trouble])).toEqual([
      ['alert', 1, true],
      ['cleared', null, false],
    ]);
  });
});

describe('what happened to a head at a step', () => {
  const lost: RunEvent = { ...formed(200), what: 'lost', sentence: 'L0 H3: no longer local since step 200' };
  const odd: RunEvent = {
    ...formed(200),
    what: 'alert',
    sentence: 'L0 H3: query norm 16.0, about 5.21 before, unlike the other heads',
    kind: null,
    trouble: true,
    since: null,
  };
  const events = [formed(200), ...eventsOf([alert]), lost, odd, { ...lost, head: 0 }, { ...lost, step: 300 }];
  const says = (said: string) =>
    happenedTo({ layer: 0, head: 1 }, events, 200, said).map((told) => told.says);

  it('is told where its sentence is silent', () => {
    expect(says('L0 H3 does nothing that has a name.')).toEqual([
      'query norm 16.0, about 5.21 before',
      'no longer local',
    ]);
    expect(says('L0 H3 does nothing that has a name; no longer local since step 200.')).toEqual([
      'query norm 16.0, about 5.21 before',
    ]);
  });
});
