import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NpyArray } from '../base/npy';
import { makeGrid } from '../render/layout';
import type { ChangeQuery, Run } from '../run/types';
import { Change } from './change.svelte';

const STEPS = [0, 100, 300];
const run = { run: 'a', error: null } as Run;

/** What the server says: the head's number, a tenth of the layer and a hundredth of the steps between. */
const figureOf = ({ layer, step, since }: ChangeQuery, head: number) =>
  head + layer / 10 + (step - since) / 1e4;
const answer = (query: ChangeQuery): NpyArray => ({
  shape: [3],
  data: Float32Array.from({ length: 3 }, (_, head) => figureOf(query, head)),
});

function setup(fails = false) {
  const asked: ChangeQuery[] = [];
  const playback = $state({ steps: STEPS, index: 2, step: 300, moving: false });
  const source = {
    change: async (query: ChangeQuery) => {
      asked.push(query);
      if (fails) throw new Error('The samples are gone.');
      return answer(query);
    },
  };
  const shown = $state({ used: false });
  const change = new Change({ data: { run, source }, playback, grid: makeGrid([2, 3]) });
  const end = $effect.root(() => change.begin(() => shown.used));
  return { asked, playback, shown, change, end };
}

const pass = async (milliseconds: number) => {
  flushSync();
  await vi.advanceTimersByTimeAsync(milliseconds);
  flushSync();
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('is asked of every layer, once something shows it and the hand rests', async () => {
  const { asked, playback, shown, change, end } = setup();
  await pass(500);
  expect(asked).toEqual([]);
  expect([...change.score.values]).toEqual(new Array(5).fill(Number.NaN));
  shown.used = true;
  playback.moving = true;
  await pass(500);
  expect(asked).toEqual([]);
  playback.moving = false;
  await pass(100);
  expect(asked).toEqual([]); // it does not rest yet
  await pass(100);
  expect(asked).toEqual([0, 1].map((layer) => ({ run: 'a', step: 300, since: 100, layer })));
  // Two heads of the first layer, three of the second.
  expect([...change.score.values].map((value) => Number(value.toFixed(3)))).toEqual([
    0.02, 1.02, 0.12, 1.12, 2.12,
  ]);
  end();
});

it('is since the checkpoint before the shown one, or since one of them; of the first there is none', async () => {
  const { asked, playback, shown, change, end } = setup();
  shown.used = true;
  expect(change.from).toBe(100);
  expect(change.score.title).toBe('Change since previous');
  change.since = 0;
  expect(change.from).toBe(0);
  expect(change.score.title).toBe('Change since step 0');
  await pass(500);
  expect(asked.map(({ since }) => since)).toEqual([0, 0]);
  change.since = 'previous';
  Object.assign(playback, { index: 0, step: 0 });
  expect(change.from).toBeNull();
  await pass(500);
  expect(asked).toHaveLength(2);
  end();
});

it('asks for nothing twice, and says why there is none', async () => {
  const { asked, playback, shown, end } = setup();
  shown.used = true;
  await pass(500);
  Object.assign(playback, { index: 1, step: 100 });
  await pass(50);
  Object.assign(playback, { index: 2, step: 300 });
  await pass(500);
  expect(asked).toHaveLength(2);
  end();

  const failing = setup(true);
  failing.shown.used = true;
  await pass(500);
  expect(failing.change.answers.error).toBe('The samples are gone.');
  expect([...failing.change.score.values].every(Number.isNaN)).toBe(true);
  failing.end();
});
