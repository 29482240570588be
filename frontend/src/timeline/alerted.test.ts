import { beforeEach, expect, it } from 'vitest';
import type { HeadPlace } from '../run/head';
import type { Alert } from '../run/types';
import { goToAlert } from './alerted';

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
const go = (to: Alert) =>
  goToAlert(
    {
      playback: { steps: [0, 100, 200], glideTo: (index) => went.push(index) },
      data: { layers: [{ heads: 2 }] },
      focus: { open: (place) => opened.push(place) },
    },
    to,
  );

beforeEach(() => {
  went = [];
  opened = [];
});

it('goes to the nearest checkpoint and opens the worst head', () => {
  go(alert(130, [0, 1], [0, 0]));
  expect([went, opened]).toEqual([[1], [{ layer: 0, head: 1 }]]);
});

it('opens no head that this run has not', () => {
  go(alert(900, [0, 2]));
  go(alert(0, [1, 0]));
  go(alert(0));
  expect([went, opened]).toEqual([[2, 0, 0], []]);
});
