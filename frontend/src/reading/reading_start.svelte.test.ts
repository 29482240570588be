import { expect, it } from 'vitest';
import { Focus } from '../run/focus.svelte';
import { dataOf, textOf } from '../run/run.fixture';
import type { AttentionQuery } from '../run/types';
import { ReadingStart } from './reading_start.svelte';

const HEAD = { layer: 0, head: 0 };
/** Query 4 of five rests on key 2; the first token has most of all others. */
const WEIGHTS = [
  [1, 0, 0, 0, 0],
  [0.5, 0.5, 0, 0, 0],
  [0.9, 0.05, 0.05, 0, 0],
  [0.7, 0.1, 0.1, 0.1, 0],
  [0.3, 0.1, 0.5, 0.05, 0.05],
].flat();

function setUp(
  kind: string | null,
  found: number | null = null,
  fails = false,
  sequences = [textOf('<s> a b c d')],
) {
  const asked: AttentionQuery[] = [];
  const data = {
    ...dataOf(sequences),
    source: {
      attention: async (query: AttentionQuery, signal?: AbortSignal) => {
        asked.push(query);
        await Promise.resolve();
        signal?.throwIfAborted();
        if (fails) throw new Error('It was thinned.');
        return { shape: [5, 5], data: Float32Array.from(WEIGHTS) };
      },
    },
  };
  const focus = new Focus(data);
  focus.open(HEAD);
  const evidence = {
    open: async () => {
      if (found !== null) focus.selection = { sequence: 0, list: 0, token: found, side: 'query' };
    },
  };
  const names = { of: () => ({ findings: kind === null ? [] : [{ kind }] }) as never };
  const playback = { step: 100 };
  const start = new ReadingStart({
    data,
    focus,
    evidence,
    names,
    playback,
    sentence: { mean: false },
    images: { clearest: () => 1 },
  } as never);
  return { start, focus, asked, playback };
}

it('begins a named head at its evidence', async () => {
  const { start, focus, asked } = setUp('induction', 3);
  await start.read();
  expect([focus.selection?.token, asked, start.busy]).toEqual([3, [], false]);
});

it.each([null, 'broad'])(
  'begins at the sharpest query where nothing shows what a head is called: %s',
  async (kind) => {
    const { start, focus, asked } = setUp(kind);
    await start.read();
    expect(focus.selection).toEqual({ sequence: 0, list: 0, token: 4, side: 'query' });
    expect(asked).toEqual([{ run: 'a', step: 100, ...HEAD, sequence: 0 }]);
  },
);

it('begins at the first word where attention is not to be had', async () => {
  const { start, focus } = setUp(null, null, true);
  await start.read();
  expect(focus.selection?.token).toBe(1);
});

it('begins at the image that shows most', async () => {
  const image = {
    ...textOf('a b c d'),
    grid: { rows: 2, columns: 2 },
    places: [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const,
  };
  const { start, focus, asked } = setUp('one right', null, false, [image, image]);
  await start.read();
  expect([focus.selection, asked]).toEqual([{ sequence: 1, list: 0, token: 3, side: 'query' }, []]);
});

it('makes what is read large, also where it is open and small', async () => {
  const { start, focus, asked } = setUp(null);
  focus.selection = { sequence: 0, list: 0, token: 2, side: 'query' };
  focus.large = 'points';
  await start.read();
  expect([focus.large, focus.selection.token, asked]).toEqual(['reading', 2, []]);
});

it('selects nothing in another head or step than the one that was meant', async () => {
  const { start, focus, playback } = setUp(null);
  const read = start.read();
  playback.step = 200;
  await read;
  expect(focus.selection).toBe(null);
});

it('begins at the sharpest query also where it is told to twice at once', async () => {
  const { start, focus } = setUp(null);
  const first = start.read();
  await Promise.all([first, start.read()]);
  expect(focus.selection?.token).toBe(4);
});

it('selects nothing in another run that was entered meanwhile, though the same head is open at the same step', async () => {
  const { start, focus, asked } = setUp(null);
  const read = start.read();
  await Promise.resolve();
  start.leave();
  await read;
  expect([focus.selection, start.busy, asked.length]).toEqual([null, false, 1]);
});
