import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Series } from '../health/health';
import { readHealth, sourceOf } from '../health/shown_health.fixture.svelte';
import { Playback } from '../playback/playback.svelte';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import type { Points } from '../run/pictures';
import { runOf } from '../run/run.fixture';
import { RunState } from '../run/run_state.svelte';
import type { DataSource } from '../run/source';
import type { HealthDocument, Run } from '../run/types';
import { Axes } from '../shown/axes.svelte';
import { PointLoader } from '../shown/point_loader';
import { Comparison } from './compare.svelte';

const FIRST = runOf({ run: 'first', steps: [0, 100, 200, 300], probe: 'p' });
const SECOND = runOf({ run: 'second', steps: [0, 140, 260], probe: 'p' });
const OTHERS = runOf({ run: 'others', probe: 'q' });
const SMALL = runOf({ run: 'small', layers: [layerOf({ heads: 1 })] });
const WIDE = runOf({ run: 'wide', probe: 'p', layers: [layerOf({ name: 'b' }), ...FIRST.layers] });
const BROKEN = runOf({ run: 'broken', error: 'It cannot be read.' });

/** Entropy of head 0 is the step, of head 1 twice that. */
const figuresOf = ({ run, steps }: Run): HealthDocument => ({
  run,
  steps,
  heads: [2],
  figures: { entropy: steps.map((step) => [step, 2 * step]) },
  digest: run,
});

class Health {
  tint = $state<string | null>('entropy');
  figures: ReadonlyMap<string, Series> | null = $state.raw(readHealth(figuresOf(FIRST)));
  readonly series: Series | null = $derived(this.figures?.get(this.tint ?? '') ?? null);
}
class Shown {
  opened = $state.raw<HeadPlace | null>(null);
  alone = $state(false);
}

let runs: readonly Run[];
let asked: string[];
const figures = sourceOf(() => figuresOf(SECOND));
const source = {
  runs: async () => ({ runs }),
  ...figures,
  healthSteps: async (run: string) => {
    asked.push(run);
    return figures.healthSteps(run, null);
  },
  points: async (): Promise<Points> => ({ shape: [2, 1, 2], data: new Float32Array(4), notes: new Map() }),
} as unknown as DataSource;

let data: RunState;
let playback: Playback;
let health: Health;
let shown: Shown;
let loader: PointLoader;
let against: Comparison;
let places: HeadPlace[];
let end: () => void;

async function pass(): Promise<void> {
  flushSync();
  await vi.advanceTimersByTimeAsync(0);
  flushSync();
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('cancelAnimationFrame', () => {});
  runs = [FIRST, SECOND, OTHERS, SMALL, WIDE, BROKEN];
  asked = [];
  data = new RunState(source);
  data.name = 'first';
  await data.refresh();
  playback = new Playback(() => false);
  playback.setSteps(FIRST.steps);
  health = new Health();
  shown = new Shown();
  loader = new PointLoader(source);
  const axes = new Axes(playback);
  axes.frame = 300;
  places = [0, 1].map((head) => ({ layer: 0, head }));
  end = $effect.root(() => {
    const rest = { loader, axes, playback, health, places, headView: { pair: null }, reducedMotion: true };
    against = new Comparison({ data, focus: shown, marks: shown, ...rest });
    against.begin();
  });
  await pass();
});
afterEach(() => {
  end();
  loader.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('stands at its own checkpoint that is nearest to the shown step', () => {
  against.choose('second', 'same');
  const steps = FIRST.steps.map((_, index) => {
    playback.go(index);
    return against.step;
  });
  expect(steps).toEqual([0, 140, 260, 260]);
  playback.go(1.5); // between 140 and 260
  expect([against.from, against.to, against.mix]).toEqual([1, 2, 0.5]);
});

it('stays at a step that was chosen, or at its newest', () => {
  against.choose('second', 'newest');
  playback.go(0);
  expect(against.step).toBe(260);
  against.choose('second', 120);
  expect([against.step, against.own, against.inFrameOf]).toEqual([140, false, 'first']);
});

it('is an onion skin of the shown run, which goes where it was laid', () => {
  against.way = 'difference';
  against.pin(100);
  expect([against.own, against.step, against.way, against.inFrameOf]).toEqual([true, 100, 'overlay', null]);
  expect(against.same).toBe(false);
  playback.go(1);
  expect(against.same).toBe(true);
  against.pin(100);
  expect(against.run).toBeNull();
});

it('is nothing beside a run that cannot be read, is gone, or is the shown step itself', () => {
  for (const name of ['broken', 'gone', 'first']) {
    against.choose(name, 'same');
    expect(against.run).toBeNull();
  }
});

it('says why a second run is not shown, once runs are known, and comes when it does', async () => {
  const says = (name: string) => {
    against.choose(name, 'same');
    return against.absent;
  };
  expect([says('second'), says('first'), says('broken')]).toEqual([
    null,
    null,
    expect.stringContaining(': It cannot be read.'),
  ]);
  expect(says('late')).toMatch('The run “late”, to compare with, is not');
  runs = [...runs, runOf({ run: 'late', steps: [] })];
  await data.refresh();
  expect(against.absent).toMatch('has no checkpoint yet');
  runs = [...runs.slice(0, -1), runOf({ run: 'late', steps: [0] })];
  await data.refresh();
  expect([against.absent, against.step]).toEqual([null, 0]);
});

it('keeps the onion skin of a run that is gone', async () => {
  against.pin(100);
  runs = [SECOND];
  await data.refresh();
  expect([data.gone, against.own, against.step, against.absent]).toEqual([true, true, 100, null]);
});

it('draws points where the probe is the same, and only in the views that show them', () => {
  against.choose('second', 'same');
  expect(against.matrix.queries([0])).toMatchObject([{ run: 'second', inFrameOf: 'first', frame: 300 }]);
  expect(against.headView.queries([0])).toEqual([]);
  shown.opened = { layer: 0, head: 1 };
  expect(against.headView.queries([0])).toHaveLength(1);
  shown.alone = true;
  expect(against.headView.queries([0])).toEqual([]);
  against.way = 'difference';
  expect(against.matrix.queries([0])).toEqual([]);
  against.choose('others', 'same');
  against.way = 'overlay';
  expect([against.drawn, against.matrix.queries([0])]).toEqual([false, []]);
  expect(against.sentence).toContain('another probe');
});

it('lets Play go on when its own points are here', async () => {
  against.choose('second', 'same');
  const arrived = (step: number) => against.questions(step).every(({ query }) => loader.settled(query));
  expect(arrived(100)).toBe(false);
  loader.want(against.matrix.queries([1]));
  await pass();
  expect([arrived(100), arrived(200)]).toEqual([true, false]);
  expect(against.upcoming([1, 2, 9])).toEqual([1, 2]);
  against.choose('second', 0); // it stays where it is
  expect([against.questions(200), against.upcoming([1, 2])]).toEqual([[], []]);
});

it('asks for the figures of another run, not for its own, and says how much they differ', async () => {
  against.choose('second', 'same');
  against.way = 'difference';
  await pass();
  await pass();
  expect(asked).toEqual(['second']);
  playback.go(1);
  expect([...(against.difference?.values ?? [])]).toEqual([100 - 140, 2 * (100 - 140)]);
  expect(against.difference?.most).toBe(2 * (260 - 200));
  health.tint = null;
  expect([against.difference, against.sentence]).toEqual([
    null,
    'Choose a tint: its difference is what is shown.',
  ]);
  against.pin(0);
  await pass();
  expect([asked, against.figures.figures, against.health]).toEqual([['second'], null, health.figures]);
});

it('says that no head has its counterpart', () => {
  against.choose('small', 'same');
  expect([against.drawn, against.series]).toEqual([false, null]);
  expect(against.sentence).toContain('no head has its counterpart');
});

it('compares the layers that both have, each with the one of its name', async () => {
  places.splice(0, 2, { layer: 0, head: 0 }, { layer: 1, head: 0 }, { layer: 1, head: 1 });
  data.name = 'wide';
  await data.refresh();
  const entropy = WIDE.steps.map((step) => [7, step + 1, step + 2]);
  health.figures = readHealth({ ...figuresOf(WIDE), heads: [1, 2], figures: { entropy } });
  shown.opened = { layer: 0, head: 0 };
  against.choose('second', 'same');
  await pass();
  await pass();
  expect(against.matrix.questions(0)).toMatchObject([
    { query: { run: 'second', layer: 1 }, numbers: [1, 2] },
  ]);
  expect(against.headView.queries([0])).toEqual([]);
  expect(against.sentence).toBe('Not compared: b (L0), which second did not record.');
  playback.go(0);
  against.way = 'difference';
  await pass();
  expect([...(against.difference?.values ?? [])]).toEqual([Number.NaN, 1, 2]);
});
