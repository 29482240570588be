import { describe, expect, it } from 'vitest';
import { layerOf } from './layer.fixture';
import { holds, layerTokens, listName, listsOf, runLists, selectedIn, type TokenAt } from './lists';
import { counterpart, indexTokens, litPoints, numberOf, patchAt, tokenAt } from './places';
import type { Run, Sequence } from './types';

const [coarse, fine] = [
  { rows: 1, columns: 1 },
  { rows: 2, columns: 2 },
];
/** Two sequences of 3 and 2 tokens, whose other sides have 1 and 2. */
const LAYERS = [
  layerOf({ query_grid: fine, key_grid: fine, queries: 8, keys: 8 }),
  layerOf({ attends: 'cross', keys_of: 'key_tokens', keys: 3 }),
  layerOf({ queries_of: 'key_tokens', keys_of: 'key_tokens', queries: 3, keys: 3 }),
  layerOf({ query_grid: fine, key_grid: coarse, queries: 8, keys: 2 }),
];
const run = { queries: 5, keys: 5, layers: LAYERS } as unknown as Run;
const lists = listsOf(run);
const sequence = (tokens: string[], other: string[]): Sequence => ({
  kind: 'image',
  tokens,
  repeat: null,
  key_tokens: { kind: 'text', tokens: other, repeat: null },
});
const index = indexTokens(
  { run: 'a', sequences: [sequence(['a', 'b', 'c'], ['x']), sequence(['d', 'e'], ['y', 'z'])] },
  lists,
);

describe('the lists of a run', () => {
  it('are numbered one after the other: own tokens, other sides, grids', () => {
    expect(lists.map((list) => [listName(list), list.first, list.tokens])).toEqual([
      ['tokens', 0, 5],
      ['key_tokens', 5, 3],
      ['tokens-2x2', 8, 8],
      ['tokens-1x1', 16, 2],
    ]);
    expect(runLists({ ...run, lists: undefined } as unknown as Run)).toEqual([
      { of: 'tokens', grid: null, first: 0, tokens: 5 },
    ]);
  });

  it('keep the special tokens of a grid of its own before its patches', () => {
    const special = layerOf({ query_grid: { ...fine, special: 1 }, queries: 5, key_grid: fine, keys: 4 });
    const found = listsOf({ queries: 3, keys: 3, layers: [special] } as unknown as Run);
    expect(found.map(listName)).toEqual(['tokens', 'tokens-2x2+1', 'tokens-2x2']);
    const grid_labels = [{ ...fine, labels: { row: [0, 0, 1, 1] } }];
    const named: Sequence = {
      ...sequence(['[CLS]', 'a', 'b'], []),
      grid: { rows: 1, columns: 2 },
      grid_labels,
    };
    const [, first, second] = indexTokens({ run: 'a', sequences: [named] }, found).lists;
    expect(first?.sequences[0]).toMatchObject({
      tokens: ['[CLS]', 'r0c0', 'r0c1', 'r1c0', 'r1c1'],
      places: [null, [0, 0], [0, 1], [1, 0], [1, 1]],
      labels: { row: ['', 0, 0, 1, 1] },
    });
    expect(second?.sequences[0]?.tokens).toHaveLength(4);
  });

  it('have one token for a text as a whole', () => {
    const pooling = layerOf({ query_grid: coarse, queries: 1, keys: 3 });
    const found = listsOf({ queries: 3, keys: 3, layers: [pooling] } as unknown as Run);
    const text = { kind: 'text', tokens: ['a', 'b', 'c'], repeat: null };
    const [, whole] = indexTokens({ run: 'a', sequences: [text] }, found).lists;
    expect(whole?.sequences).toEqual([{ kind: 'text', tokens: ['[whole]'], repeat: null }]);
  });

  it('say which tokens a layer has, on either side', () => {
    const cross = layerTokens(lists, LAYERS[1]!);
    expect([4, 7, 8].map((token) => holds(cross, token))).toEqual([true, true, false]);
  });

  it('say what each layer has of them', () => {
    const parts = LAYERS.map((each) => {
      const { queries, keys } = layerTokens(lists, each);
      return [queries.first, keys.first];
    });
    expect(parts).toEqual([
      [8, 8],
      [0, 5],
      [5, 5],
      [8, 16],
    ]);
  });
});

describe('the index of several lists', () => {
  it('names every token, sequence by sequence', () => {
    const names = Array.from({ length: index.tokens }, (_, token) => tokenAt(index, token)).join(' ');
    expect(names).toBe('a b c d e x y z r0c0 r0c1 r1c0 r1c1 r0c0 r0c1 r1c0 r1c1 [whole] [whole]');
    expect([...index.sequence].join('')).toBe('000110110000111101');
    expect([...index.list].join('')).toBe('000001112222222233');
    expect([patchAt(index, 10), patchAt(index, 0)]).toEqual([[1, 0], null]);
  });

  it('finds the same place of an image on another grid', () => {
    const own = { kind: 'image', repeat: null, image: { width: 8, height: 8 } };
    const places = [null, ...Array.from({ length: 16 }, (_, i) => [Math.floor(i / 4), i % 4] as const)];
    const tokens = places.map(String);
    const probe = { run: 'a', sequences: [{ ...own, tokens, places, grid: { rows: 4, columns: 4 } }] };
    const images = indexTokens(probe, [
      { of: 'tokens', grid: null, first: 0, tokens: 17 },
      { of: 'tokens', grid: fine, first: 17, tokens: 4 },
    ]);
    const at = (list: number, token: number) => ({ list, sequence: 0, token });
    expect(counterpart(images, at(0, 1 + 4 * 3 + 1), 1)).toBe(2);
    expect(tokens[counterpart(images, at(1, 3), 0)]).toBe('3,3');
    expect(counterpart(images, at(0, 0), 1)).toBe(0);
    expect(counterpart(index, { list: 0, sequence: 1, token: 1 }, 1)).toBe(0);
  });

  it('finds a token by its place, and all of its sequence', () => {
    expect(numberOf(index, { list: 2, sequence: 1, token: 3 })).toBe(15);
    expect(numberOf(index, { list: 1, sequence: 0, token: 1 })).toBeNull();
    const points = litPoints(index, { list: 1, sequence: 1, token: 1 }, 18);
    expect(points.slice(-2)).toEqual([7, 25]);
    expect(points.filter((point) => point < 18)).toEqual([3, 4, 6, 12, 13, 14, 15, 17, 7]);
  });
});

describe('a selection', () => {
  const [grids, cross, other] = LAYERS.map((each) => layerTokens(lists, each));
  const selection: TokenAt = { sequence: 1, list: 0, token: 1, side: 'query' };

  it('stays itself where its layer has it', () => {
    expect(selectedIn(lists, cross!, selection)).toBe(selection);
  });

  it('is the same token on the other side where only this has it', () => {
    expect(selectedIn(lists, cross!, { ...selection, side: 'key' })).toEqual(selection);
    expect(selectedIn(lists, cross!, { ...selection, list: 1 })).toEqual({
      ...selection,
      list: 1,
      side: 'key',
    });
  });

  it('is the first token of its sequence where its layer has other tokens', () => {
    expect(selectedIn(lists, other!, selection)).toEqual({ ...selection, list: 1, token: 0 });
    expect(selectedIn(lists, grids!, { ...selection, side: 'key' })).toEqual({
      sequence: 1,
      list: 2,
      token: 0,
      side: 'key',
    });
  });
});
