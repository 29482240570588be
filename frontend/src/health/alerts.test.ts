import { describe, expect, it } from 'vitest';
import type { Alert } from '../run/findings';
import type { Layer } from '../run/types';
import { alertAt as alert } from './alert.fixture';
import { alertedFigures, alertsAt, briefly, raisedOf, recordedAt } from './alerts';

const steps = [0, 100, 200, 1000];

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

  it('stand for the heads that are not back, and are of these alone', () => {
    const [worst, other] = [
      { layer: 0, head: 7, value: 150 },
      { layer: 0, head: 2, value: 140 },
    ];
    const both = { ...alert(100), heads: [worst, other] };
    const back = (step: number, head: typeof worst) => ({
      ...alert(step, 'max_logit', false),
      heads: [head],
    });
    const heads = (index: number) =>
      alertsAt([both, back(200, worst), back(900, other)], steps, index).map((one) => one.heads);
    expect([1, 2, 3].map(heads)).toEqual([[[worst, other]], [[other]], []]);
    const alerts = [both, alert(200), back(200, worst)];
    const [, standing] = alertsAt(alerts, steps, 2);
    expect([standing?.heads, raisedOf(alerts, standing!)]).toEqual([[other], [worst, other]]);
  });

  it('of the model as a whole stand until their rule is kept, whatever heads are told with it', () => {
    const model = { ...alert(100, 'sink'), beyond: null };
    const kept = { ...model, step: 200, raised: false, heads: [{ layer: 0, head: 0, value: 0.2 }] };
    expect([1, 2].map((index) => told([model, kept], index))).toEqual([['sink at 100'], []]);
    expect(alertedFigures([model, kept], { layer: 0, head: 1 }, steps, 2).size).toBe(0);
  });

  it('are told once of a head that a training which went on told again', () => {
    expect(told([alert(100), alert(200)], 3)).toEqual(['max_logit at 200']);
  });
});

describe('the figures of a head that alerts are of', () => {
  it('are all of those that stand, until its own are back', () => {
    const own = { layer: 0, head: 1 };
    const others = { ...alert(100, 'sink'), heads: [{ layer: 3, head: 0, value: 7 }] };
    const both = { ...alert(100), heads: [...alert(100).heads, { layer: 3, head: 0, value: 120 }] };
    const back = { ...alert(200, 'max_logit', false), heads: [{ layer: 3, head: 0, value: 7 }] };
    const alerts = [both, alert(100, 'entropy'), others, back, alert(900, 'entropy', false)];
    const figures = (index: number, place = own) => [...alertedFigures(alerts, place, steps, index)].sort();
    expect([0, 1, 2, 3].map((index) => figures(index))).toEqual([
      [],
      ['entropy', 'max_logit'],
      ['entropy', 'max_logit'],
      ['max_logit'],
    ]);
    expect(figures(3, { layer: 3, head: 0 })).toEqual(['sink']);
  });
});

it('is briefly what was recorded, also of what is back', () => {
  const layers = [{ number: 1, head_numbers: [0, 2] } as unknown as Layer];
  expect(briefly(alert(800), layers)).toBe('L1 H2: largest logit 132, above 100');
  const back = { ...alert(900, 'max_logit', false), heads: [{ layer: 0, head: 1, value: 85 }] };
  expect(briefly(back, layers)).toBe('L1 H2: largest logit 85.0, no longer above 100');
  expect(briefly({ ...alert(800), beyond: null }, layers)).toBe('max_logit at 800');
});

it('tells the step of what was recorded at any other one', () => {
  const sentence =
    'max_logit of layer 1 (a) head 2 is 105, over 100: such logits lead to divergence (step 550)';
  const was = 'At step 550: max_logit of layer 1 (a) head 2 is 105, over 100: such logits lead to divergence';
  expect(recordedAt({ ...alert(550), sentence }, 550)).toBe(sentence);
  expect(recordedAt({ ...alert(550), sentence }, 800)).toBe(was);
  expect(recordedAt({ ...alert(550), sentence: 'my own rule' }, 800)).toBe('At step 550: my own rule');
});
