import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Scatter } from '../encoding/scatter.svelte';
import { Playback } from '../playback/playback.svelte';
import type { HeadPlace } from '../run/head';
import type { Trust, TrustQuery } from '../run/pictures';
import { DEFAULT_PROJECTION } from '../run/projection';
import { runOf } from '../run/run.fixture';
import type { Run } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { HeadTrust } from './trust.svelte';

class Heard extends SyntheticSource {
  readonly heard: TrustQuery[] = [];

  override async trust(query: TrustQuery): Promise<Trust> {
    this.heard.push(query);
    return super.trust(query);
  }
}

/** What trust needs, as far as these tests change it. */
class Needed {
  readonly source = new Heard({ heads: [2, 2], tokens: 20 });
  readonly playback = new Playback(() => false);
  readonly scatter = new Scatter();
  run = $state.raw<Run>(runOf());
  opened = $state.raw<HeadPlace | null>(null);
  projection = $state.raw(DEFAULT_PROJECTION);
  frame = $state<number | null>(300);
  alone = $state(false);
  pictured = $state(true);

  get data() {
    return { run: this.run, source: this.source };
  }
  get focus() {
    return { opened: this.opened };
  }
  get axes() {
    return { projection: this.projection, dims: 2 as const, frame: this.frame };
  }
  get marks() {
    return { alone: this.alone };
  }
  get headView() {
    return { pictured: this.pictured };
  }
}

const REST = 120;
let needed: Needed;
let trust: HeadTrust;
let end: () => void;

const pass = async (milliseconds = REST) => {
  flushSync();
  await vi.advanceTimersByTimeAsync(milliseconds);
  flushSync();
};
const heard = () => needed.source.heard.map(({ layer, head, step }) => `L${layer} H${head} ${step}`);

beforeEach(() => {
  vi.useFakeTimers();
  needed = new Needed();
  needed.playback.setSteps(needed.run.steps);
  end = $effect.root(() => {
    trust = new HeadTrust(needed);
    trust.begin();
  });
});

afterEach(() => {
  end();
  vi.useRealTimers();
});

it('is asked for of the opened head alone, once its picture is here and the hand rests', async () => {
  needed.pictured = false;
  await pass();
  needed.opened = { layer: 1, head: 0 };
  await pass();
  expect(heard()).toEqual([]);
  needed.pictured = true;
  await pass(REST - 1);
  expect(heard()).toEqual([]);
  await pass(1);
  expect(heard()).toEqual(['L1 H0 300']);
  expect(needed.source.heard[0]).toMatchObject({ previous: 200, frame: 300, dims: 2 });
  expect(trust.answer.value?.faithfulness).toBeDefined();
});

it('asks for one step of those that the hand passes', async () => {
  needed.opened = { layer: 0, head: 0 };
  for (const place of [0, 1, 2]) {
    needed.playback.go(place);
    await pass(REST - 1);
  }
  await pass();
  expect(heard()).toEqual(['L0 H0 200']);
});

it('keeps what it says of another step, as late, and nothing of another head, picture, frame or run', async () => {
  needed.opened = { layer: 0, head: 0 };
  await pass();
  const { value } = trust.answer;
  expect([trust.judged?.trust, trust.late]).toEqual([value, false]);
  needed.playback.go(1);
  flushSync();
  expect([trust.answer.value, trust.judged, trust.late]).toEqual([null, { trust: value, step: 300 }, true]);
  const changes: (() => void)[] = [
    () => {
      needed.opened = { layer: 0, head: 1 };
    },
    () => {
      needed.projection = { ...DEFAULT_PROJECTION, method: 'pca' };
    },
    () => {
      needed.frame = 200;
    },
    () => {
      needed.run = runOf({ run: 'b' });
    },
  ];
  for (const change of changes) {
    await pass();
    expect(trust.answer.value).not.toBeNull();
    change();
    flushSync();
    expect([trust.answer.value, trust.judged]).toEqual([null, null]);
  }
});

it('tells a refusal with its own step alone, and asks again for the shown step', async () => {
  needed.opened = { layer: 0, head: 0 };
  await pass();
  vi.spyOn(needed.source, 'trust').mockRejectedValueOnce(new Error('The samples are gone.'));
  needed.playback.go(1);
  await pass();
  expect([trust.answer.error, trust.judged]).toEqual(['The samples are gone.', null]);
  needed.pictured = false; // the picture of the next step is still to come
  needed.playback.go(2);
  flushSync();
  expect([trust.answer.error, trust.judged?.step]).toEqual([null, 300]);
  needed.source.heard.length = 0;
  void trust.answer.retry();
  await pass();
  expect([heard(), trust.judged?.step, trust.late]).toEqual([['L0 H0 200'], 200, false]);
});

it('is not asked for of points by themselves, nor of a run that cannot be read', async () => {
  needed.alone = true;
  needed.opened = { layer: 0, head: 0 };
  await pass();
  needed.run = runOf({ error: 'The event file is damaged.' });
  needed.alone = false;
  await pass();
  expect(heard()).toEqual([]);
});

it('tells each point’s error while that is what colours it', async () => {
  needed.opened = { layer: 0, head: 0 };
  await pass();
  expect(trust.errors).toBeNull();
  needed.scatter.colouring = 'tears';
  expect(trust.errors).toEqual(Float32Array.from(trust.answer.value!.tears, Number));
  needed.scatter.colouring = 'false_neighbours';
  expect(trust.errors).toEqual(Float32Array.from(trust.answer.value!.false_neighbours, Number));
});
