import { beforeEach, describe, expect, it } from 'vitest';
import { Focus } from './focus.svelte';
import { layerOf } from './layer.fixture';
import { layerTokens, listsOf } from './lists';
import { indexTokens } from './places';
import { dataOf, runOf, textOf } from './run.fixture';
import type { Sequence } from './types';

describe('a selection', () => {
  let focus: Focus;
  beforeEach(() => {
    focus = new Focus(dataOf([textOf('a b c'), textOf('d')]));
    focus.open({ layer: 0, head: 1 });
  });

  it('is of the token whose query or key was chosen among a head’s points', () => {
    focus.selectPoint(2);
    expect(focus.selection).toEqual({ sequence: 0, list: 0, token: 2, side: 'query' });
    focus.selectPoint(4 + 3);
    expect(focus.selection).toEqual({ sequence: 1, list: 0, token: 0, side: 'key' });
  });

  it('goes to the token at the same position of another sequence, as far as that reaches', () => {
    focus.selectPoint(2);
    focus.read(1);
    expect(focus.selection).toMatchObject({ sequence: 1, token: 0 });
    focus.read(9);
    expect(focus.selection).toMatchObject({ sequence: 1 });
    focus.read(-1);
    expect(focus.selection).toMatchObject({ sequence: 0, token: 0 });
  });

  it('begins at the first token of a text', () => {
    focus.readFirst();
    expect(focus.selection).toEqual({ sequence: 0, list: 0, token: 0, side: 'query' });
  });

  it('begins behind what a tokenizer adds before a text', () => {
    const texts = new Focus(dataOf([textOf('<s> the sky </s>')]));
    texts.readFirst();
    expect(texts.selection).toEqual({ sequence: 0, list: 0, token: 1, side: 'query' });
  });

  it('begins in the middle of an image, and not at what has no place', () => {
    const places = [null, [0, 0], [0, 1], [1, 0], [1, 1]] as const;
    const image = { ...textOf('[CLS] a b c d'), grid: { rows: 2, columns: 2 }, places };
    const images = new Focus(dataOf([image]));
    images.open({ layer: 0, head: 0 });
    images.readFirst();
    expect(images.selection).toEqual({ sequence: 0, list: 0, token: 4, side: 'query' });
  });

  it('is read where the cell is large, which is back when nothing is selected; points stay large', () => {
    expect(focus.large).toBe('cell');
    focus.selectPoint(2);
    expect(focus.large).toBe('reading');
    focus.selection = null;
    expect(focus.large).toBe('cell');
    focus.large = 'points';
    focus.open({ layer: 0, head: 0 });
    focus.selectPoint(2);
    focus.selection = null;
    expect(focus.large).toBe('points');
    focus.opened = null;
    focus.open({ layer: 0, head: 0 });
    expect(focus.large).toBe('cell');
  });

  it('is asked of the opened head alone', () => {
    expect([focus.isOpened({ layer: 0, head: 1 }), focus.isOpened({ layer: 1, head: 1 })]).toEqual([
      true,
      false,
    ]);
  });
});

describe('a selected patch', () => {
  // The probe has 4 × 4 patches of an image, one layer's own grid 2 × 2, another's 3 × 3.
  const rows = (n: number) => Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n] as const);
  const image: Sequence = {
    kind: 'image',
    tokens: rows(4).map((place) => place.join()),
    repeat: null,
    grid: { rows: 4, columns: 4 },
    places: rows(4),
    image: { width: 64, height: 64 },
  };
  const gridded = (n: number) => {
    const grid = { rows: n, columns: n };
    return layerOf({ query_grid: grid, key_grid: grid, queries: n * n, keys: n * n });
  };
  const layers = [layerOf({ queries: 16, keys: 16 }), gridded(2), gridded(3)];
  const run = runOf({ layers, queries: 16, keys: 16 });
  const lists = listsOf(run);
  const data = {
    run,
    lists,
    layerTokens: layers.map((layer) => layerTokens(lists, layer)),
    probe: { value: indexTokens({ run: run.run, sequences: [image] }, lists) },
  };

  /** Where on its grid what was selected in a layer lies in another. */
  function seenIn(layer: number, from: number, token: number): readonly number[] | null | undefined {
    const focus = new Focus(data);
    focus.open({ layer: from, head: 0 });
    focus.selection = { sequence: 0, list: from, token, side: 'query' };
    focus.open({ layer, head: 0 });
    const { list, token: found } = focus.selection ?? { list: -1, token: -1 };
    expect(list).toBe(layer);
    return data.probe.value.lists[list]?.sequences[0]?.places?.[found];
  }

  it('keeps its place in the image between grids of different size', () => {
    // Its middle is at 5/8 down and 7/8 across.
    expect(seenIn(1, 0, 2 * 4 + 3)).toEqual([1, 1]);
    expect(seenIn(2, 0, 2 * 4 + 3)).toEqual([1, 2]);
    expect(seenIn(2, 0, 0)).toEqual([0, 0]);
    // And from a small grid into a larger one: the patch under its middle.
    expect(seenIn(0, 1, 2)).toEqual([3, 1]);
    expect(seenIn(0, 2, 4)).toEqual([2, 2]);
  });

  it('is what it was when its own layer is opened again', () => {
    const focus = new Focus(data);
    focus.selection = { sequence: 0, list: 0, token: 11, side: 'key' };
    focus.open({ layer: 1, head: 0 });
    expect(focus.selection).toMatchObject({ list: 1, token: 3, side: 'key' });
    focus.open({ layer: 0, head: 0 });
    expect(focus.selection).toEqual({ sequence: 0, list: 0, token: 11, side: 'key' });
  });
});

describe('a link', () => {
  /** The first layer attends among the words, the second from them to those of the other side. */
  const layers = [
    layerOf({ heads: 2, head_numbers: [0, 1], queries: 5, keys: 5 }),
    layerOf({ attends: 'cross', keys_of: 'key_tokens', queries: 5, keys: 3 }),
  ];
  const lists = [
    { of: 'tokens', grid: null, first: 0, tokens: 5 },
    { of: 'key_tokens', grid: null, first: 5, tokens: 3 },
  ] as const;
  const data = dataOf(
    [textOf('a b c', { key_tokens: textOf('x y') }), textOf('d e', { key_tokens: textOf('z') })],
    { layers, lists, queries: 8, keys: 8 },
  );
  let focus: Focus;
  const enter = (said: Record<string, string>) => focus.enter(new Map(Object.entries(said)), data.run);
  beforeEach(() => {
    focus = new Focus(data);
  });

  it('opens a head and selects its token, and is said again', () => {
    const said = { layer: '1', head: '0', sequence: '1', token: '0k', list: 'key_tokens' };
    enter(said);
    expect(focus.selection).toEqual({ sequence: 1, list: 1, token: 0, side: 'key' });
    expect(focus.link).toEqual(said);
    enter({ layer: '0', head: '1', sequence: '0', token: '2' });
    expect(focus.link).toEqual({ layer: '0', head: '1', sequence: '0', token: '2' });
  });

  it('opens and selects nothing that the run has not', () => {
    focus.open({ layer: 0, head: 0 });
    enter({ layer: '0', head: '2', sequence: '0', token: '1' });
    expect([focus.opened, focus.selection, focus.link]).toEqual([null, null, {}]);
    enter({ layer: '0', head: '1', sequence: '2', token: '1' });
    expect([focus.opened, focus.selection]).toEqual([{ layer: 0, head: 1 }, null]);
  });
});
