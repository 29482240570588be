import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readHealth } from '../health/shown_health.fixture.svelte';
import { arrangeInOrder } from '../render/arrange';
import { type Grid, makeGrid } from '../render/layout';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import { runOf } from '../run/run.fixture';
import { HeadStrip } from './head_strip.svelte';

const STEPS = [0, 100, 200, 300];

/** What the strip stands on: two layers of two heads, an entropy of (step + head) / 1000. */
class Around {
  readonly run = runOf({ figures: ['entropy', 'sink'] });
  readonly data = {
    run: this.run,
    layers: [0, 1].map((number) => layerOf({ number, heads: 2, head_numbers: [0, 5] })),
  };
  steps = $state.raw<readonly number[]>(STEPS);
  tint = $state<string | null>('entropy');
  grid = $state.raw<Grid>(makeGrid([2, 2]));
  readonly figures = $derived(
    readHealth({
      run: 'a',
      steps: [...this.steps],
      heads: [2, 2],
      figures: {
        entropy: this.steps.map((step) => [0, 1, 2, 3].map((head) => (step + head) / 1000)),
        sink: this.steps.map(() => [0, 0, 0, 1]),
      },
    }),
  );
  readonly went: number[] = [];
  readonly opened: HeadPlace[] = [];
  readonly session = {
    data: this.data,
    health: this.healthOf(),
    playback: this.playbackOf(),
    focus: { opened: null, open: (place: HeadPlace) => this.opened.push(place) },
  } as unknown as ConstructorParameters<typeof HeadStrip>[0];

  private healthOf() {
    const around = this;
    return {
      held: { error: null },
      get tint() {
        return around.tint;
      },
      get series() {
        return around.figures.get(around.tint ?? '') ?? null;
      },
    };
  }

  private playbackOf() {
    const around = this;
    return {
      step: 200,
      get steps() {
        return around.steps;
      },
      glideTo: (index: number) => around.went.push(index),
    };
  }
}

let around: Around;
let strip: HeadStrip;
let now: number;
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  around = new Around();
  now = 0;
  strip = new HeadStrip(
    around.session,
    () => around.grid,
    () => now,
  );
  strip.room = 800;
  strip.width = 318;
  end = $effect.root(() => strip.begin());
  flushSync();
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

/** Css pixels of a head and a step, by their number in the order. */
const at = (row: number, column: number) => [9 + 100 * column, ((row + 0.5) * strip.height) / 4] as const;

it('is shown where there is room unless it is folded, and says so in the address', () => {
  expect([strip.open, strip.settings.said]).toEqual([true, {}]);
  strip.toggle();
  expect([strip.open, strip.settings.said]).toEqual([false, { strip: 'folded' }]);
  strip.settings.enter(new Map(), around.run);
  strip.room = 500;
  expect(strip.open).toBe(false);
  strip.settings.enter(new Map([['strip', 'shown']]), around.run);
  expect([strip.open, strip.settings.said]).toEqual([true, { strip: 'shown' }]);
});

it('takes no room for what is known of one step alone', () => {
  around.tint = 'likeness';
  expect([strip.possible, strip.open, strip.busy]).toEqual([false, false, false]);
});

it('says what lies under the pointer, and goes there', () => {
  strip.pointer = at(3, 1);
  expect(strip.says).toBe('L1 H5, step 100: entropy 10 %');
  strip.enter();
  expect([around.went, around.opened]).toEqual([[1], [{ layer: 1, head: 1 }]]);
});

it('snaps to a marked moment while the pointer is near it', () => {
  strip.pointer = at(3, 1);
  const [x, y] = at(3, 1);
  const stroke = { number: 0, step: 200, x: x + 3, top: y - 5, height: 10 };
  strip.strokes = [stroke];
  expect(strip.says).toBe('L0 H0, step 200: entropy 20 %');
  strip.strokes = [{ ...stroke, x: x + 30 }]; // the marks have moved under the resting pointer
  expect(strip.says).toBe('L1 H5, step 100: entropy 10 %');
  strip.pointer = null;
  expect(strip.says).toBeNull();
});

it('has the rows as the heads are arranged, and changes what lies under a resting pointer', () => {
  strip.pointer = at(0, 2);
  expect(strip.says).toBe('L0 H0, step 200: entropy 20 %');
  around.grid = arrangeInOrder(makeGrid([2, 2]), [2, 0, 1, 3], 1);
  flushSync();
  expect(strip.says).toBe('L1 H0, step 200: entropy 20 %');
});

it('grows with a live run', () => {
  around.steps = [...STEPS, 400];
  flushSync();
  expect(strip.picture?.plan.columns.steps).toEqual([0, 100, 200, 300, 400]);
  strip.pointer = [309, 1];
  expect(strip.says).toBe('L0 H0, step 400: entropy 40 %');
});

it('is walked by keys, from the shown step, and stays within', () => {
  strip.walk(0, 0);
  expect(strip.cursor).toEqual({ number: 0, step: 200 });
  strip.walk(-1, 1);
  expect(strip.says).toBe('L0 H5, step 100: entropy 10 %');
  strip.walk(Number.POSITIVE_INFINITY, 10);
  expect(strip.cursor).toEqual({ number: 3, step: 300 });
  around.grid = arrangeInOrder(makeGrid([2, 2]), [0, 1], 1);
  flushSync();
  expect([strip.place, strip.enter(), around.opened]).toEqual([null, false, []]); // its head was filtered out
});

it('works in slices, is busy meanwhile, and shows no other figure’s colours', async () => {
  end();
  strip = new HeadStrip(
    around.session,
    () => around.grid,
    () => {
      now += 10;
      return now;
    },
  );
  strip.room = 800;
  strip.width = 318;
  end = $effect.root(() => strip.begin());
  flushSync();
  expect([strip.picture, strip.busy]).toEqual([null, true]);
  await vi.runAllTimersAsync();
  expect([strip.picture?.plan.series.name, strip.busy]).toEqual(['entropy', false]);
  around.tint = 'sink';
  flushSync();
  expect([strip.picture, strip.busy]).toEqual([null, true]);
  end(); // stops it
  await vi.runAllTimersAsync();
  expect(strip.picture).toBeNull();
});
