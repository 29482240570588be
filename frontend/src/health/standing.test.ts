import { describe, expect, it } from 'vitest';
import type { Alert } from '../run/findings';
import type { HeadPlace } from '../run/head';
import type { Layer } from '../run/types';
import { alertAt as alert } from './alert.fixture';
import { type Known, standingAt, standingTold } from './standing';

const layers = [{ number: 1, head_numbers: [0, 2, 4, 5, 6] } as unknown as Layer];
const steps = [700, 800, 900];
const of = (step: number, heads: readonly number[], change: Partial<Alert> = {}): Alert => ({
  ...alert(step),
  heads: heads.map((head) => ({ layer: 0, head, value: 132 - head })),
  ...change,
});
const entropy = { rule: 'entropy', figure: 'entropy', limit: 0.05, beyond: 'below' } as const;

/** What is said at a step. */
const told = (alerts: readonly Alert[], step: number, change: Partial<Known> = {}) =>
  standingAt(alerts, steps, steps.indexOf(step)).map((one) =>
    standingTold(one, { layers, step, now: () => Number.NaN, unhealthy: () => null, ...change }),
  );

describe('what stands at a step', () => {
  it('is told with the value now, the limit and since when', () => {
    const logit = [of(800, [1])];
    const says = 'L1 H2 unhealthy since step 800: largest logit';
    expect(told(logit, 700)).toEqual([]);
    expect(told(logit, 800)).toEqual([`${says} 132, above 100`.replace('132', '131')]);
    expect(told(logit, 900, { now: () => 140 })).toEqual([`${says} 140, above 100`]);
    // Not yet back under the lower bound, but under the limit, or not known: the number that broke it is told.
    expect(told(logit, 900, { now: () => 95 })).toEqual([`${says} 131, above 100 at step 800`]);
    expect(told(logit, 900)).toEqual([`${says} 131, above 100 at step 800`]);
    const batch = [of(800, [1], { figure: 'batch_max_logit' })];
    expect(told(batch, 800)).toEqual([`${says} of the training batch 131, above 100`]);
  });

  it('has one time since which a head is unhealthy, whatever it broke when', () => {
    const alerts = [of(800, [1]), of(900, [1], { ...entropy, heads: [{ layer: 0, head: 1, value: 0.04 }] })];
    const now = (figure: string) => (figure === 'entropy' ? 0.04 : 140);
    expect(told(alerts, 900, { now, unhealthy: () => 750 })).toEqual([
      'L1 H2 unhealthy since step 750: entropy 4.0 %, below 5 %; largest logit 140, above 100',
    ]);
  });

  it('has heads of which the same rules are broken in one line', () => {
    const later = [of(700, [3]), of(800, [1, 2]), of(900, [0])];
    const since = ({ head }: HeadPlace) => (head === 3 ? 650 : 750);
    expect(told(later, 900, { unhealthy: since })).toEqual([
      'L1 H0, L1 H2, L1 H4 and 1 more unhealthy since steps 650 to 750; L1 H0: largest logit 132, above 100',
    ]);
    expect(standingAt(later, steps, 2)[0]?.alerts).toHaveLength(3);
    expect(told(later, 800)[0]).toMatch(/^L1 H2, L1 H4, L1 H5 unhealthy since steps 700 to 800; L1 H2:/);
  });

  it('leaves out the heads of an alert that are back, and no others', () => {
    const back = of(850, [1], { raised: false });
    expect(told([of(800, [1, 2]), back], 900)[0]).toMatch(/^L1 H4 unhealthy/);
    expect(told([of(800, [1]), back], 900)).toEqual([]);
    const between = [of(880, [1]), of(890, [1], { raised: false })]; // told at the nearest checkpoint all the same
    expect(told(between, 900)[0]).toMatch(/at step 880$/);
  });

  it('is what was recorded where the rule is of no single heads, or it is not known on which side they break it', () => {
    const { beyond: _, ...older } = of(800, [1], { sentence: 'older' });
    const share = of(800, [1], { beyond: null, sentence: 'sink is over 0.8 in 90 % of all heads' });
    expect(told([share, older], 900)).toEqual([share.sentence, 'older']);
  });
});
