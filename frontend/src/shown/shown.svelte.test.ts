import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Playback } from '../playback/playback.svelte';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import type { Dims, Group, Points, PointsQuery } from '../run/pictures';
import { runOf } from '../run/run.fixture';
import { type DataSource, SourceError } from '../run/source';
import type { Progress } from '../run/types';
import { Axes } from './axes.svelte';
import { PointLoader } from './point_loader';
import { ShownSteps } from './shown.svelte';

/** Two layers of two heads; a head has one point, whose first coordinate is the step. */
const run = runOf({ layers: [layerOf({ heads: 2 }), layerOf({ heads: 2 })] });
const HEADS: readonly HeadPlace[] = [0, 1, 2, 3].map((i) => ({ layer: i >> 1, head: i % 2 }));

class Wanted {
  heads = $state.raw(HEADS);
  dims = $state<Dims>(2);
  alone = $state.raw<Group | null>(null);
}

/** Questions that are not answered before the test says so. */
let waiting: { query: PointsQuery; answer: () => void; fail: () => void }[];
let holds: (query: PointsQuery) => boolean;
const source = {
  points: (query: PointsQuery, { onProgress }: { onProgress: (progress: Progress) => void }) =>
    new Promise<Points>((resolve, reject) => {
      const heads = query.head === undefined ? 2 : 1;
      const data = Float32Array.from({ length: heads * query.dims }, (_, i) =>
        i % query.dims ? 0 : query.step,
      );
      const answer = () => resolve({ shape: [heads, 1, query.dims], data, notes: new Map() });
      if (!holds(query)) {
        answer();
        return;
      }
      waiting.push({ query, answer, fail: () => reject(new SourceError('It died.')) });
      if (query.head !== undefined) onProgress({ state: 'computing', done: 0, total: 1 });
    }),
} as unknown as DataSource;

let playback: Playback;
let axes: Axes;
let wanted: Wanted;
let loader: PointLoader;
let scene: ShownSteps;
let end: () => void;

/** Asks for what the scene shows, as the tab does. */
async function pass(): Promise<void> {
  loader.want([...scene.standInQueries(), ...scene.queries(scene.ends)]);
  await vi.advanceTimersByTimeAsync(200);
  flushSync();
}
const shownSteps = () => scene.pair?.to.heads.map((points) => points?.[0] ?? null);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('cancelAnimationFrame', () => {});
  waiting = [];
  holds = () => false;
  playback = new Playback(() => false);
  playback.setSteps(run.steps);
  axes = new Axes(playback);
  axes.frame = 200;
  wanted = new Wanted();
  loader = new PointLoader(source);
  end = $effect.root(() => {
    const focus = { opened: null };
    scene = new ShownSteps(
      { data: { run }, loader, playback, axes, focus, reducedMotion: true },
      () => wanted,
    );
  });
});
afterEach(() => {
  end();
  loader.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('asks for whole layers, or for heads one at a time where they are slow or a group is alone', () => {
  const asked = () => scene.queries([0]).map(({ layer, head }) => [layer, head]);
  expect(asked()).toEqual([
    [0, undefined],
    [1, undefined],
  ]);
  const single = HEADS.map(({ layer, head }) => [layer, head]);
  axes.project({ method: 'umap' });
  expect(asked()).toEqual(single);
  axes.project({ method: 'pca' });
  wanted.alone = { id: '1', points: [0], of: 10 };
  expect(asked()).toEqual(single);
  axes.frame = null;
  expect(asked()).toEqual([]);
});

it('fills the first picture layer by layer', async () => {
  holds = ({ layer }) => layer === 1;
  await pass();
  expect(shownSteps()).toEqual([300, 300, null, null]);
  expect(scene.settled).toBe(false);
  for (const { answer } of waiting) answer();
  await pass();
  expect(shownSteps()).toEqual([300, 300, 300, 300]);
  expect(scene.settled).toBe(true);
});

it('never mixes layers of two steps: the old one stays until all of the next have come', async () => {
  await pass();
  holds = ({ layer }) => layer === 1;
  playback.go(1);
  await pass();
  expect(shownSteps()).toEqual([300, 300, 300, 300]);
  expect([scene.settled, scene.mix, scene.behind]).toEqual([false, 0, 300]);
  for (const { answer } of waiting) answer();
  await pass();
  expect(shownSteps()).toEqual([100, 100, 100, 100]);
  expect(scene.behind).toBeNull();
});

it('mixes the two steps that the hand is between', async () => {
  playback.go(1.25);
  await pass();
  expect([scene.pair?.fromStep, scene.pair?.toStep, scene.mix]).toEqual([100, 200, 0.25]);
  expect(scene.pair?.from.heads[0]?.[0]).toBe(100);
});

it('keeps slow heads’ own old pictures, and says of which step they are', async () => {
  axes.project({ method: 'tsne' });
  await pass();
  holds = ({ head, layer }) => layer === 0 && head === 1;
  playback.go(0);
  await pass();
  expect(shownSteps()).toEqual([0, 300, 0, 0]);
  expect([...(scene.pair?.late ?? [])]).toEqual([[1, 300]]);
  expect(scene.stale).toBe(true);
  for (const { answer } of waiting) answer();
  await pass();
  expect([scene.stale, scene.pair?.late.size]).toEqual([false, 0]);
});

it('shows the biplot of slow heads that have no picture yet, and says that it is the biplot', async () => {
  axes.project({ method: 'tsne' });
  holds = ({ layer, head }) => layer === 1 && head !== undefined;
  await pass();
  await pass(); // the server has said that it takes a while
  expect(shownSteps()).toEqual([300, 300, 300, 300]);
  expect([...(scene.pair?.late ?? [])]).toEqual([
    [2, 'biplot'],
    [3, 'biplot'],
  ]);
  expect([scene.stale, scene.settled, scene.pictured]).toEqual([true, false, false]);
  playback.go(0);
  await pass();
  expect(scene.pair?.to.heads[2]?.[0]).not.toBe(300); // of this step, or none
  for (const { answer } of waiting) answer();
  await pass();
  expect([scene.stale, scene.pair?.late.size]).toEqual([false, 0]);
});

it('shows no biplot for what is at hand, for a group by itself, or where nothing is made', async () => {
  axes.project({ method: 'tsne' });
  await pass();
  expect(scene.standInQueries()).toEqual([]);
  holds = () => true;
  wanted.alone = { id: '1', points: [0], of: 1 };
  await pass();
  expect(scene.standInQueries()).toEqual([]);
});

it('gives points another name when one of them is replaced, not when some are added', async () => {
  axes.project({ method: 'tsne' });
  holds = ({ layer }) => layer === 1;
  await pass();
  const first = scene.pair?.to.id;
  for (const { answer } of waiting) answer();
  await pass();
  expect(scene.pair?.to.id).toBe(first);
  wanted.alone = { id: '1', points: [0], of: 1 };
  await pass();
  expect(scene.pair?.to.id).not.toBe(first);
});

it('is settled with what has come when the rest has failed', async () => {
  holds = ({ layer }) => layer === 1;
  await pass();
  for (const { fail } of waiting) fail();
  await pass();
  expect(shownSteps()).toEqual([300, 300, null, null]);
  expect([scene.settled, scene.pictured]).toEqual([true, false]);
});

it('shows nothing while nothing is wanted of it', async () => {
  await pass();
  const nothing = $effect.root(() => {
    const focus = { opened: null };
    scene = new ShownSteps({ data: { run }, loader, playback, axes, focus, reducedMotion: true }, () => null);
  });
  await pass();
  expect([scene.pair, scene.settled, scene.queries([0])]).toEqual([null, true, []]);
  nothing();
});

it('remembers the questions of the checkpoints that were looked at last, and not of all', () => {
  const [first, second] = [scene.questions(0), scene.questions(1)];
  for (let index = 2; index < 128; index++) scene.questions(index);
  expect(scene.questions(0)).toBe(first);
  scene.questions(128); // one more than are remembered
  expect(scene.questions(0)).toBe(first);
  expect(scene.questions(1)).not.toBe(second);
});

it('counts heads that have outgrown their frame, at steps after it', async () => {
  await pass();
  expect(scene.outgrown).toBe(4); // their coordinate is the step, far outside of [-1, 1]
  playback.go(2);
  await pass();
  expect(scene.outgrown).toBe(0);
});
