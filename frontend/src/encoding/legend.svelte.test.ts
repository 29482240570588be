import { expect, it } from 'vitest';
import { css, LIGHT } from '../render/colours';
import type { Scale } from '../render/scale';
import type { HeadPlace } from '../run/head';
import { dataOf, textOf } from '../run/run.fixture';
import { BY_KIND, colouringsOf } from './colouring';
import { Legend } from './legend.svelte';

// Three tokens: points 0 to 2 are queries, 3 to 5 their keys.
const data = dataOf([textOf('a b a')]);
const RANGE: Scale = { kind: 'range', low: 1, high: 100, unit: 'tokens', logarithmic: true };
const NAMES: Scale = {
  kind: 'classes',
  swatches: [
    { name: 'a', hue: 0, tokens: 2 },
    { name: 'rare', hue: null, tokens: 1 },
  ],
  of: Int32Array.of(0, 1, 0),
};
const OPENED = { layer: 0, head: 0 };

function made(
  colour: string,
  scale: Scale | null,
  opened: HeadPlace | null = null,
  ofAll = false,
  behind: number | null = null,
): Legend {
  const chosen = colouringsOf(data.probe.value, true).find(({ id }) => id === colour) ?? BY_KIND;
  return new Legend(
    {
      ...{ data, focus: { opened }, theme: { palette: LIGHT } },
      ...{ colourings: { chosen }, styles: { scale, behind } },
    },
    ofAll,
  );
}

it('has a colour for queries and one for keys', () => {
  const { byKind, entries, range } = made('kind', null);
  expect([byKind, range]).toEqual([true, null]);
  expect(entries).toEqual([
    { name: 'query', colour: css(LIGHT.query), points: [0, 1, 2] },
    { name: 'key', colour: css(LIGHT.key), points: [3, 4, 5] },
  ]);
});

it('has the points of every name', () => {
  const { byKind, entries } = made('mod5', NAMES);
  expect(byKind).toBe(false);
  expect(entries.map(({ name, points }) => [name, points])).toEqual([
    ['a', [0, 3, 2, 5]],
    ['rare', [1, 4]],
  ]);
  expect(entries[1]?.colour).toBe(css(LIGHT.other));
});

it('has the numbers of an opened head’s range, which no picture of all heads has', () => {
  const one = made('norm', RANGE, OPENED);
  expect([one.range, one.unit]).toEqual([RANGE, 'tokens, logarithmic']);
  expect(one.tick(RANGE, 0.5)).toBe('10.0');
  expect(one.whose).toMatch(/^L0 H0: .*own range\.$/);
  const all = made('norm', RANGE, OPENED, true);
  expect([all.range, all.unit]).toEqual([null, '']);
  expect(all.whose).toMatch(/^Every head has its own range/);
});

it('tells a picture of all heads of queries and keys while the opened one shows its errors', () => {
  const errors: Scale = { kind: 'range', low: 0, high: 1, unit: '', logarithmic: false };
  const one = made('tears', errors, OPENED);
  expect([one.byKind, one.entries, one.range?.high]).toEqual([true, [], 1]);
  expect(one.tick(errors, 1)).toBe('1.00+');
  const all = made('tears', errors, OPENED, true);
  expect([all.range, all.entries.map(({ name }) => name)]).toEqual([null, ['query', 'key']]);
});

it('says of which step colours still are, where they are of the samples', () => {
  const behind = (colour: string, ofAll: boolean, step: number | null) =>
    made(colour, RANGE, OPENED, ofAll, step).behind;
  expect(behind('norm', false, null)).toBe('');
  expect(behind('norm', true, 1200)).toBe('Colours and sizes are still of step 1,200.');
  expect(behind('tears', false, 100)).toMatch('step 100.');
  expect(behind('tears', true, 100)).toBe(''); // all heads at once keep two colours
});
