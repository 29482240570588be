import { expect, it } from 'vitest';
import { runOf } from '../run/run.fixture';
import { Scatter } from './scatter.svelte';

function entered(said: Record<string, string>): Scatter {
  const scatter = new Scatter();
  scatter.settings.enter(new Map(Object.entries(said)), runOf());
  return scatter;
}

it.each([{}, { size: 'norm' }, { words: 'off' }, { patches: 'off' }, { lines: 'off' }, { lines: '5.20' }])(
  'keeps %o',
  (said) => {
    expect(entered(said as Record<string, string>).settings.said).toEqual(said);
  },
);

it('takes nothing that there is not', () => {
  expect(entered({ size: 'weight', words: 'on', lines: '4.20' }).settings.said).toEqual({});
  expect(entered({ lines: '2.99' }).settings.said).toEqual({});
});

it('draws lines as before when they are switched on again', () => {
  const scatter = entered({ lines: '5.20' });
  scatter.lines = false;
  expect(scatter.settings.said).toEqual({ lines: 'off' });
  scatter.lines = true;
  expect([scatter.top, scatter.least]).toEqual([5, 20]);
});
