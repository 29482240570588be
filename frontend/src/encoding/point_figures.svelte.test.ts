import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NpyArray } from '../base/npy';
import { Playback } from '../playback/playback.svelte';
import type { HeadPlace } from '../run/head';
import type { FigureQuery, PointFigure } from '../run/pictures';
import type { Run } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { PointFigures, quantiles } from './point_figures.svelte';

class Counted extends SyntheticSource {
  readonly heard: FigureQuery[] = [];
  fails = false;

  override async pointFigures(query: FigureQuery, signal?: AbortSignal): Promise<NpyArray> {
    this.heard.push(query);
    if (this.fails) throw new Error('the samples of this step are damaged');
    const answer = await super.pointFigures(query);
    signal?.throwIfAborted();
    return answer;
  }
}

/** What point figures need, as far as these tests change it. */
class Needed {
  readonly source = new Counted({ heads: [2, 3], tokens: 60, checkpoints: 5 });
  readonly playback = new Playback(() => false);
  run = $state.raw<Run | null>(null);
  inView = $state.raw(Uint32Array.of());
  opened = $state.raw<HeadPlace | null>(null);
  figure = $state<PointFigure | null>(null);
  sized = $state(false);

  get data() {
    return { run: this.run, layers: this.run?.layers ?? [], source: this.source };
  }
  get focus() {
    return { opened: this.opened };
  }
  get axes() {
    return { frame: this.playback.steps.at(-1) ?? null };
  }
  get scatter() {
    return { sized: this.sized };
  }
  get colourings() {
    return { figure: this.figure };
  }
}

const pass = async () => {
  flushSync();
  await vi.advanceTimersByTimeAsync(10);
  flushSync();
};

let needed: Needed;
let figures: PointFigures;
let end: () => void;

beforeEach(async () => {
  vi.useFakeTimers();
  needed = new Needed();
  end = $effect.root(() => {
    figures = new PointFigures(needed);
    figures.begin();
  });
  needed.run = (await needed.source.runs()).runs[0]!;
  needed.playback.setSteps(needed.run.steps);
  await pass();
});

afterEach(() => {
  end();
  vi.useRealTimers();
});

const heard = () => needed.source.heard.map(({ figure, layer, step }) => `${figure} L${layer} ${step}`);
const points = () => needed.run!.queries + needed.run!.keys;

it('asks for nothing while no colour or size tells a figure', () => {
  expect(heard()).toEqual([]);
});

it('asks for the layers in view, at the shown step and at the ends of the scale', async () => {
  needed.inView = Uint32Array.of(3, 4);
  needed.figure = 'norm';
  await pass();
  expect(heard().toSorted()).toEqual(['norm L1 0', 'norm L1 800']);
  needed.playback.go(2);
  await pass();
  expect(heard().slice(2)).toEqual(['norm L1 400']);
  needed.playback.go(4);
  await pass();
  expect(heard()).toHaveLength(3);
});

it('shows the nearest checkpoint that is here, on one scale for all steps', async () => {
  needed.inView = Uint32Array.of(0);
  needed.figure = 'max_logit';
  await pass();
  const last = figures.values('max_logit', 0)!;
  const range = figures.range('max_logit', 0, 1, points());
  needed.playback.go(3);
  expect([figures.values('max_logit', 0), figures.told('max_logit', 0)]).toEqual([last, null]);
  expect(figures.behind).toBe(800);
  await pass();
  expect(figures.values('max_logit', 0)).not.toBe(last);
  expect(figures.told('max_logit', 0)).toBe(figures.values('max_logit', 0));
  expect(figures.range('max_logit', 0, 1, points())).toEqual(range);
  expect([figures.busy, figures.behind]).toEqual([false, null]);
});

it('ranges over the values of a head at the first step and at the frame’s', async () => {
  needed.inView = Uint32Array.of(0);
  needed.figure = 'norm';
  await pass();
  const [first, last] = await Promise.all(
    [0, 800].map((step) =>
      needed.source.pointFigures({ run: needed.run!.run, step, layer: 0, figure: 'norm' }),
    ),
  );
  const ends = [first!, last!].map(({ data }) => quantiles(data.slice(points(), 2 * points())));
  expect(figures.range('norm', 0, 1, points())).toEqual([
    Math.min(...ends.map(([low]) => low)),
    Math.max(...ends.map(([, high]) => high)),
  ]);
});

it('asks for the norms that size the opened head’s points, with any colour', async () => {
  needed.sized = true;
  await pass();
  expect(heard()).toEqual([]);
  needed.opened = { layer: 1, head: 2 };
  await pass();
  expect(heard().toSorted()).toEqual(['norm L1 0', 'norm L1 800']);
});

it('says what went wrong, once, and tries again when asked', async () => {
  needed.source.fails = true;
  needed.inView = Uint32Array.of(0);
  needed.figure = 'entropy';
  await pass();
  expect([figures.error, heard().length]).toEqual(['the samples of this step are damaged', 2]);
  needed.playback.go(3);
  needed.playback.go(4);
  await pass();
  expect(heard()).toHaveLength(2);
  needed.source.fails = false;
  needed.playback.go(3);
  await pass();
  expect(figures.values('entropy', 0)?.length).toBe(2 * points());
  expect(figures.error).not.toBeNull(); // the ends of its scale are still missing
  needed.playback.go(4);
  expect(figures.values('entropy', 0)).toBeNull(); // nothing stands in for what will not come
  figures.retry();
  await pass();
  expect([figures.error, figures.values('entropy', 0)?.length]).toEqual([null, 2 * points()]);
});

it('asks for no norms of values where a layer has none', async () => {
  needed.run = {
    ...needed.run!,
    layers: needed.run!.layers.map((layer, i) => ({ ...layer, values: i > 0 })),
  };
  needed.inView = Uint32Array.of(0, 2);
  needed.figure = 'value_norm';
  await pass();
  expect(heard().toSorted()).toEqual(['value_norm L1 0', 'value_norm L1 800']);
});

it('leaves out a fiftieth at both ends of a range, and what is not finite', () => {
  const values = Float32Array.from({ length: 101 }, (_, i) => i);
  expect(quantiles(values)).toEqual([2, 98]);
  expect(quantiles(Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY))).toEqual([1, 1]);
});
