import { describe, expect, it } from 'vitest';
import { heldStep } from '../base/steps';
import type { Alert, RunEvent } from '../run/findings';
import { alertAt as alert } from './alert.fixture';
import { eventsOf } from './events';
import { type Mark, markName, marksOf } from './marks';

const unusual = (step: number): RunEvent => ({
  step,
  what: 'alert',
  sentence: 'L0 H1: key norm 5, about 1 before, unlike the other heads',
  layer: 0,
  head: 1,
  kind: null,
  trouble: true,
  since: null,
});
const marks = (alerts: readonly Alert[], ...others: RunEvent[]): Mark[] =>
  marksOf([...eventsOf(alerts), ...others], alerts, [], (step) => heldStep([0, 1000], step) / 1000, 0.01);
const stepsOf = (mark: Mark | undefined) => mark?.raised.map(({ event }) => event.step);

describe('marks of alerts', () => {
  it('stand where their step stands, from left to right', () => {
    expect(marks([alert(1000), alert(250)]).map(({ at }) => at)).toEqual([0.25, 1]);
  });

  it('are of what was raised, not of what was cleared', () => {
    expect(marks([alert(100, 'entropy', false)])).toEqual([]);
  });

  it('are of heads that left their past, too', () => {
    const [first, second, ...rest] = marks([alert(100)], unusual(100), unusual(500));
    expect([stepsOf(first), stepsOf(second), rest]).toEqual([[100, 100], [500], []]);
    expect(second?.raised[0]?.alert).toBeNull();
  });

  it('become one where they would lie on each other', () => {
    const [first, second, ...rest] = marks([alert(105, 'entropy'), alert(100), alert(500)]);
    expect([stepsOf(first), stepsOf(second), rest]).toEqual([[100, 105], [500], []]);
  });

  it('stay on the timeline when they are newer than the last checkpoint', () => {
    expect(marks([alert(1200)])[0]?.at).toBe(1);
  });

  it('say where they are and what for', () => {
    const name = (...found: Mark[]) => found.map(markName);
    expect(name(...marks([alert(500), alert(500, 'entropy')]))).toEqual([
      'Alert at step 500: max logit, entropy',
    ]);
    expect(name(...marks([alert(100), alert(105)]))).toEqual(['Alert at steps 100 to 105: max logit']);
    expect(name(...marks([], unusual(1000)))).toEqual(['Alert at step 1,000: unusual head']);
  });
});
