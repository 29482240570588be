import { expect, it } from 'vitest';
import { codeOf } from '../render/maps';
import type { Finding, NamedHead } from '../run/findings';
import { layerOf } from '../run/layer.fixture';
import type { CellMaps } from './cell_maps.svelte';
import { mapWords, toldOf } from './map_words';

/** Of a text's own tokens. */
const LAYER = layerOf({});

/** Offsets −3 … 3 of two heads. */
const offsets = (...values: number[]) => ({
  shape: [2, 1, 7],
  data: Uint8Array.from([...new Array<number>(7).fill(0), ...values.map(codeOf)]),
});
const NONE: ReadonlyMap<string, number> = new Map();
const told = (first: number, ...values: number[]) =>
  mapWords({
    offsets: offsets(...values),
    head: 1,
    first,
    ofFirstQueries: null,
    pictured: false,
    layer: LAYER,
    exact: NONE,
  });

it('says what a head attends to, by distance', () => {
  expect(told(0.02, 0, 0.05, 0.83, 0.04, 0, 0, 0)).toBe('83 % of its attention 1 token back');
  expect(told(0.71, 0, 0, 0.12, 0.05, 0, 0, 0)).toBe(
    '71 % of its attention on the first token, 12 % 1 token back',
  );
  expect(told(0, 0, 0, 1, 0, 0, 0, 0)).toBe('>99 % of its attention 1 token back'); // 0.996, as 8 bits have it
  // 2 back of 4 tokens is the first token of one query of two.
  expect(told(0.71, 0, 0.12, 0, 0.05, 0, 0, 0)).toBe('71 % of its attention on the first token');
  expect(told(Number.NaN, 0, 0, 0, 0.4, 0, 0.3, 0)).toBe(
    '40 % of its attention on itself, 30 % 2 tokens ahead',
  );
  // 3 back of 4 tokens is one query's, and what the token before and the first have over 100 % is the same twice.
  expect(told(Number.NaN, 0.9, 0, 0.6, 0, 0, 0, 0)).toBe('60 % of its attention 1 token back');
  expect(told(0.3, 0, 0, 0.8, 0, 0, 0, 0)).toBe('80 % of its attention 1 token back');
  expect(
    mapWords({
      offsets: offsets(1, 0, 0, 0),
      head: 1,
      first: 0.4,
      ofFirstQueries: 32,
      pictured: false,
      layer: LAYER,
      exact: NONE,
    }),
  ).toBe('40 % of its attention on the first token (of the first 32 queries)');
  expect(told(0.05, 0.06, 0.06, 0.07, 0.06, 0.05, 0.05, 0.05)).toBe(
    'broad: no distance has 10 % of its attention',
  );
});

it.each([
  [{}, 'no map: it was not finite at this step'],
  [{ keys_of: 'key_tokens' }, 'no distances: its queries are tokens of one side, its keys of the other'],
  [{ query_grid: { rows: 1, columns: 1 } }, 'no distances: one query stands for the whole sequence'],
  [
    { query_grid: { rows: 4, columns: 4 }, key_grid: { rows: 2, columns: 2 } },
    'no distances: queries and keys are patches of two sizes',
  ],
] as const)('says why a head of %j has no map', (parts, why) => {
  const layer = layerOf(parts);
  expect(
    mapWords({
      offsets: offsets(1),
      head: 0,
      first: 1,
      ofFirstQueries: null,
      pictured: false,
      layer,
      exact: NONE,
    }),
  ).toBe(why);
});

it('tells a share as findings of the same texts and step do, and of which texts it is', () => {
  const finding = (kind: string, value: number, offset: number | null, at = 100) =>
    ({ kind, value, offset, at }) as Finding;
  const said = (kinds: readonly string[], ...findings: Finding[]) => {
    const pair = { toMaps: 100 } as CellMaps['pair'];
    const maps = { kinds, pair, current: true, pictured: false, ofFirstQueries: null };
    const asked = {
      kindOf: () => 'text',
      offsetsOf: () => offsets(0, 0.5, 0.664, 0, 0, 0, 0),
      onFirst: () => null,
    };
    return toldOf({ ...maps, ...asked } as unknown as CellMaps, 1, LAYER, {
      findings,
    } as unknown as NamedHead);
  };
  expect(said(['text'])).toBe('66 % of its attention 1 token back');
  expect(said(['text'], finding('previous', 0.6651, null))).toBe('67 % of its attention 1 token back');
  expect(said(['text'], finding('previous', 0.6651, null, 90))).toBe('66 % of its attention 1 token back');
  // That is of all texts.
  expect(said(['text', 'repeated'], finding('previous', 0.6651, null))).toBe(
    'In ordinary texts: 66 % of its attention 1 token back',
  );
});

it('tells no distance that has only what queries there give the first token', () => {
  const far = (...values: number[]) =>
    mapWords({
      offsets: {
        shape: [1, 1, 95],
        data: Uint8Array.from({ length: 95 }, (_, at) => codeOf(values[47 - at] ?? 0)),
      },
      head: 0,
      first: 0.5,
      ofFirstQueries: null,
      pictured: false,
      layer: LAYER,
      exact: NONE,
    });
  // 12 back of up to 48 tokens: the first token of texts of 20.
  const [near, smooth] = [
    [0.05, 0.06, 0.04, 0.04, 0.05, 0.05, 0.06, 0.07],
    [0.07, 0.08, 0.09, 0.1, 0.11, 0.1],
  ];
  expect(far(...near, ...smooth)).toBe('50 % of its attention on the first token');
  expect(far(...near, 0.03, 0.03, 0.2, 0.03)).toBe(
    '50 % of its attention on the first token, 20 % 10 tokens back',
  );
});

it('says where patches look, compared with what each would get alike', () => {
  const map = (value: number) => ({
    shape: [1, 3, 5],
    data: Uint8Array.from({ length: 15 }, (_, at) => codeOf(at === 2 ? value : 0.02)),
  });
  // 2 × 3 patches: a sixth each, and three times that is worth telling.
  const words = (value: number) =>
    mapWords({
      offsets: map(value),
      head: 0,
      first: 0,
      ofFirstQueries: null,
      pictured: true,
      layer: LAYER,
      exact: NONE,
    });
  expect(words(0.6)).toBe('60 % of its attention 1 row up');
  expect(words(0.4)).toBe('broad: no direction stands out');
});
