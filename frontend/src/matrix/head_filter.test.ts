import { describe, expect, it } from 'vitest';
import type { Layer } from '../run/types';
import { EVERY_HEAD, isFiltering, passing } from './head_filter';
import { matchHeads } from './head_pattern';

const layer = (name: string, number: number, ...head_numbers: number[]): Layer => ({
  name,
  number,
  heads: head_numbers.length,
  head_numbers,
  kv_heads: 1,
  head_dim: 8,
  causal: true,
  attends: 'self',
  queries_of: 'tokens',
  keys_of: 'tokens',
  queries: 3,
  keys: 3,
  query_grid: null,
  key_grid: null,
});
// As if only layers 4, 5 and 12 had been recorded, and of the last one only heads 2 and 7.
const layers = [
  layer('encoder.4.attn', 4, 0, 1),
  layer('encoder.5.attn', 5, 0, 1),
  layer('decoder.0.cross', 12, 2, 7),
];
const places = layers.flatMap(({ heads }, i) =>
  Array.from({ length: heads }, (_, head) => ({ layer: i, head })),
);
const named = (text: string) => passing({ ...EVERY_HEAD, names: text }, layers, places, null);

describe('heads by name', () => {
  it.each([
    ['', [0, 1, 2, 3, 4, 5]],
    ['L5', [2, 3]],
    ['l5h1', [3]],
    ['L12 H7', [5]],
    ['L4-5', [0, 1, 2, 3]],
    ['L5-4 h0', [0, 2]],
    ['H2-7', [4, 5]],
    ['L4H0, cross', [0, 4, 5]],
    ['ENCODER', [0, 1, 2, 3]],
    ['Layer 5 · Head 1', [3]],
    ['L1', []],
    [' , ', [0, 1, 2, 3, 4, 5]],
  ])('%j', (text, expected) => expect(named(text)).toEqual(expected));

  it('say nothing of a layer that is not described', () => {
    expect(matchHeads('L3', [])({ layer: 3, head: 0 })).toBe(true);
  });
});

describe('heads by value', () => {
  const values = [0.1, 0.5, Number.NaN, 0.3, 0.9, 0.2];

  it('lie within a closed range; what is not known lies in none', () => {
    const filter = { ...EVERY_HEAD, score: 'entropy', most: 0.3 };
    expect(passing(filter, layers, places, values)).toEqual([0, 3, 5]);
    expect(passing({ ...filter, least: 0.2 }, layers, places, values)).toEqual([3, 5]);
    expect(passing({ ...filter, names: 'L12' }, layers, places, values)).toEqual([5]);
    expect(passing({ ...filter, most: null }, layers, places, values)).toHaveLength(6);
    expect([filter, EVERY_HEAD, { ...filter, most: null }].map(isFiltering)).toEqual([true, false, false]);
  });
});
