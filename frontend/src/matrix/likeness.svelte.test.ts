import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NpyArray } from '../base/npy';
import { makeGrid } from '../render/layout';
import { Focus } from '../run/focus.svelte';
import { layerOf } from '../run/layer.fixture';
import type { Offers } from '../run/source';
import type { Run, SimilarityQuery } from '../run/types';
import { Likeness } from './likeness.svelte';

const layers = [
  layerOf({ number: 3, heads: 1, head_numbers: [0] }),
  layerOf({ number: 4, heads: 2, head_numbers: [0, 5] }),
];
const run = { run: 'a', error: null } as Run;
const TABLE: NpyArray = { shape: [3, 3], data: Float32Array.of(1, 0.5, 0.25, 0.5, 1, 0.75, 0.25, 0.75, 1) };

function setup(offers?: Offers, heads: readonly [number, number] = [1, 2]) {
  const heard: string[] = [];
  const focus = new Focus({ run, lists: [], layerTokens: [], probe: { value: null } });
  const playback = $state({ step: 100, moving: false });
  const shows = $state({ used: '', placed: false });
  const source = {
    ...(offers && { offers }),
    similarity: async ({ step, head }: SimilarityQuery) => {
      heard.push(head === undefined ? `similarity ${step}` : `similarity ${step} of ${head}`);
      return head === undefined ? TABLE : { shape: [2000], data: new Float32Array(2000).fill(head / 2000) };
    },
    headOrder: async ({ step }: { readonly step: number }) => {
      heard.push(`order ${step}`);
      return { shape: [3], data: Float32Array.of(2, 0, 1) };
    },
  };
  const likeness = new Likeness(
    { data: { run, layers, source }, focus, playback, grid: makeGrid([...heads]) },
    () => ({ uses: (id) => shows.used === id, places: () => shows.placed }),
  );
  const end = $effect.root(() => likeness.begin());
  return { heard, focus, playback, shows, likeness, end };
}

const pass = async () => {
  flushSync();
  await vi.advanceTimersByTimeAsync(500);
  flushSync();
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('is to the opened head, in the model’s own numbers, and asked for while something shows it', async () => {
  const { heard, focus, shows, likeness, end } = setup();
  await pass();
  expect(likeness.score).toBeNull();
  focus.open({ layer: 1, head: 1 });
  await pass();
  expect(likeness.score?.title).toBe('Likeness to L4 H5');
  expect(heard).toEqual([]);
  shows.used = 'likeness';
  await pass();
  expect(heard).toEqual(['similarity 100']);
  expect([...(likeness.score?.values ?? [])]).toEqual([0.25, 0.75, 1]);
  focus.open({ layer: 0, head: 0 });
  await pass();
  expect([...(likeness.score?.values ?? [])]).toEqual([1, 0.5, 0.25]);
  expect(heard).toHaveLength(1); // one table has all heads
  end();
});

it('asks of many heads for the row that is shown', async () => {
  const { heard, focus, shows, likeness, end } = setup(undefined, [1000, 1000]);
  shows.used = 'likeness';
  focus.open({ layer: 1, head: 0 });
  await pass();
  focus.open({ layer: 1, head: 1 });
  await pass();
  expect(heard).toEqual(['similarity 100 of 1000', 'similarity 100 of 1001']);
  expect(likeness.score?.values[5]).toBeCloseTo(1001 / 2000);
  end();
});

it('stays to its head while it has put the others in their places, until it is told to follow', async () => {
  const { focus, shows, likeness, end } = setup();
  focus.open({ layer: 1, head: 0 });
  shows.placed = true;
  await pass();
  expect([likeness.score?.title, likeness.elsewhere]).toEqual(['Likeness to L4 H0', false]);
  focus.open({ layer: 1, head: 1 });
  await pass();
  expect([likeness.score?.title, likeness.elsewhere]).toEqual(['Likeness to L4 H0', true]);
  likeness.follow();
  expect([likeness.score?.title, likeness.elsewhere]).toEqual(['Likeness to L4 H5', false]);
  focus.opened = null;
  likeness.follow();
  expect(likeness.to).toEqual({ layer: 1, head: 1 });
  end();
});

it('has the places in which alike heads are together', async () => {
  const { heard, playback, shows, likeness, end } = setup();
  shows.used = 'together';
  await pass();
  expect(heard).toEqual(['order 100']);
  expect([...(likeness.together?.values ?? [])]).toEqual([2, 0, 1]);
  playback.step = 300;
  expect([...(likeness.together?.values ?? [])]).toEqual(new Array(3).fill(Number.NaN)); // those were of another step
  await pass();
  expect(heard).toEqual(['order 100', 'order 300']);
  end();
});

it('is not there of a head that the run has not, nor in a page that does not hold it', () => {
  const { likeness, end } = setup();
  likeness.to = { layer: 1, head: 2 };
  expect(likeness.score).toBeNull();
  end();
  const page = setup({ projections: [], dims: [], trust: false, comparisons: false, says: '' });
  page.likeness.to = { layer: 1, head: 1 };
  expect([page.likeness.score, page.likeness.together]).toEqual([null, null]);
  page.end();
});
