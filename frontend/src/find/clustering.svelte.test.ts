import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { StepPoints } from '../render/positions';
import type { Pair } from '../shown/pair';
import type { PairPlan } from './clusteredness';
import { Clustering } from './clustering.svelte';

/** Points 0 and 1 are hits, 2 is none: the one pair of hits is compared with both pairs of a hit and no hit. */
const PLAN: PairPlan = { weight: 1, near: Uint32Array.of(0, 1), far: Uint32Array.of(0, 2, 1, 2) };
const TOGETHER = Float32Array.of(0, 0, 0.1, 0, 5, 0);
const APART = Float32Array.of(0, 0, 5, 0, 0.1, 0);
const step = (...heads: (Float32Array | null)[]): StepPoints => ({ id: '', heads });

const pairOf = (from: StepPoints, to: StepPoints) => ({ from, to, fromStep: 100, toStep: 200 });

class Scene {
  own = $state.raw<Pick<Pair, 'from' | 'to' | 'fromStep' | 'toStep'> | null>(null);
  mix = $state(0);
}
class Plans {
  all = $state.raw<readonly PairPlan[]>([PLAN]);
}

let matrix: Scene;
let plans: Plans;
let clustering: Clustering;
let end: () => void;

async function pass(): Promise<void> {
  flushSync();
  await vi.runAllTimersAsync();
  flushSync();
}
const values = () => clustering.score && [...clustering.score.values];

beforeEach(() => {
  vi.useFakeTimers();
  matrix = new Scene();
  plans = new Plans();
  clustering = new Clustering(
    { matrix },
    () => plans.all,
    () => '',
  );
  end = $effect.root(() => clustering.begin());
});

afterEach(() => {
  end();
  vi.useRealTimers();
});

it('scores the picture of each head: 1 where hits lie together, 0 where both lie nearer to another token', async () => {
  matrix.own = pairOf(step(TOGETHER, null, APART), step(TOGETHER, null, APART));
  await pass();
  expect(values()).toEqual([1, Number.NaN, 0]);
});

it('is of the step that is nearer to what is on screen', async () => {
  matrix.own = pairOf(step(TOGETHER), step(APART));
  matrix.mix = 0.4;
  await pass();
  expect([values(), clustering.of]).toEqual([[1], 100]);
  matrix.mix = 0.6;
  await pass();
  expect([values(), clustering.of]).toEqual([[0], 200]);
});

it('says nothing of a new search with what the last one came to', async () => {
  matrix.own = pairOf(step(TOGETHER), step(TOGETHER));
  await pass();
  plans.all = [{ ...PLAN, near: Uint32Array.of(0, 2), far: Uint32Array.of(0, 1) }];
  expect(values()).toBeNull();
  await pass();
  expect(values()).toEqual([0]);
  plans.all = [];
  await pass();
  expect(values()).toBeNull();
});
