import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type HeadScore, healthScores } from '../health/scores';
import { ShownHealth } from '../health/shown_health.fixture.svelte';
import { headPlace, makeGrid } from '../render/layout';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import { Arrangement } from './arrangement.svelte';
import { MatrixView } from './matrix_view.svelte';
import { isDescending } from './order';

const grid = makeGrid([2, 2]);
const layers = [0, 1].map((number) => layerOf({ number, heads: 2, head_numbers: [0, 1] }));

function setup() {
  const health = new ShownHealth({
    run: 'a',
    steps: [0, 100],
    heads: [2, 2],
    figures: {
      sink: [
        [0.1, 0.4, 0.2, 0.3],
        [0.9, 0.1, 0.2, 0.3],
      ],
    },
  });
  const playback = $state({ step: 0 as number | null });
  const change = $state({ about: 'previous', values: new Float64Array(4).fill(Number.NaN) });
  const likeness = $state({ to: null as HeadPlace | null, elsewhere: false, follow: vi.fn() });
  const scoring = {
    likeness,
    get arranging(): readonly HeadScore[] {
      const figures = healthScores(health.figures ?? new Map(), playback.step ?? 0);
      return [...figures, { id: 'change', title: '', reads: '', ...change }];
    },
  };
  const matrixView = new MatrixView(() => false);
  const places = Array.from({ length: 4 }, (_, number) => headPlace(grid, number));
  let arrangement!: Arrangement;
  const end = $effect.root(() => {
    arrangement = new Arrangement({
      data: { layers },
      grid,
      places,
      playback,
      health,
      scoring,
      matrixView,
      reducedMotion: true,
    });
    arrangement.begin();
  });
  flushSync();
  const order = () =>
    arrangement.grid.rows.flatMap(({ numbers }) => [...numbers].filter((number) => number >= 0));
  return { arrangement, playback, change, likeness, matrixView, health, order, end };
}

beforeEach(() => {
  vi.stubGlobal('cancelAnimationFrame', () => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('sorts by the values at its basis until it is told again, which shows all of the matrix', () => {
  const { arrangement, playback, matrixView, order, end } = setup();
  expect([order(), arrangement.basis]).toEqual([[0, 1, 2, 3], 0]);
  arrangement.arrange('sink', true);
  expect(order()).toEqual([1, 3, 2, 0]);
  playback.step = 100;
  flushSync();
  expect([order(), arrangement.outdated]).toEqual([[1, 3, 2, 0], true]);
  matrixView.go({ x: 1, y: 1, span: 1 });
  arrangement.again();
  expect([order(), arrangement.outdated, arrangement.basis]).toEqual([[0, 3, 2, 1], false, 100]);
  expect(matrixView.chosen).toBeNull();
  arrangement.arrange('name', isDescending('name'));
  expect(order()).toEqual([0, 1, 2, 3]);
  end();
});

it('keeps what it sorts by while another step, at which it is not known, is shown', () => {
  const { arrangement, playback, change, order, end } = setup();
  arrangement.arrange('change', true);
  flushSync();
  expect(order()).toEqual([0, 1, 2, 3]); // nothing is known yet
  change.values = Float64Array.of(1, 2, 4, 3);
  flushSync();
  expect(order()).toEqual([2, 3, 1, 0]);
  playback.step = 100;
  change.values = new Float64Array(4).fill(Number.NaN);
  flushSync();
  expect([order(), arrangement.outdated]).toEqual([[2, 3, 1, 0], false]);
  change.values = Float64Array.of(4, 1, 2, 3);
  flushSync();
  expect([order(), arrangement.outdated]).toEqual([[2, 3, 1, 0], true]);
  arrangement.leave();
  arrangement.arrange('change', true);
  expect(order()).toEqual([0, 1, 2, 3]);
  end();
});

it('forgets what sorted and filtered where the same score is about something else, or of a discarded training', () => {
  const { arrangement, playback, change, order, end } = setup();
  arrangement.arrange('change', true);
  change.values = Float64Array.of(1, 2, 4, 3);
  flushSync();
  expect(order()).toEqual([2, 3, 1, 0]);
  change.about = '0'; // and its values are on their way
  change.values = new Float64Array(4).fill(Number.NaN);
  arrangement.again();
  flushSync();
  expect(order()).toEqual([0, 1, 2, 3]);
  change.values = Float64Array.of(4, 1, 2, 3);
  flushSync();
  expect(order()).toEqual([0, 3, 2, 1]);
  arrangement.arrange('layer');
  arrangement.keep({ score: 'change', least: 2.5, most: null });
  flushSync();
  playback.step = 100;
  change.about = '100';
  change.values = Float64Array.of(9, 9, 9, 1);
  flushSync();
  expect([order(), arrangement.outdated]).toEqual([[0, 1, 2, 3], true]);
  arrangement.again();
  flushSync();
  expect(order()).toEqual([0, 1, 2]);
  playback.step = 0;
  arrangement.forget();
  flushSync();
  expect(order()).toEqual([0, 1, 2, 3]);
  end();
});

it('filters by name and by the values at its basis, and is outdated when others would pass', () => {
  const { arrangement, playback, order, end } = setup();
  arrangement.show({ names: 'L1' });
  expect([order(), arrangement.grid.shown, arrangement.filtering]).toEqual([[2, 3], 2, true]);
  arrangement.show({ names: '' });
  arrangement.keep({ score: 'sink', least: 0.25, most: null });
  expect(order()).toEqual([1, 3]);
  playback.step = 100;
  flushSync();
  expect([order(), arrangement.outdated]).toEqual([[1, 3], true]);
  arrangement.again();
  expect(order()).toEqual([0, 3]);
  end();
});

it('knows which scores are shown, and on which the places hang', () => {
  const { arrangement, health, end } = setup();
  const used = () => ['sink', 'change', 'likeness'].filter((id) => arrangement.uses(id));
  expect(used()).toEqual([]);
  health.tint = 'likeness';
  arrangement.border = 'change';
  expect(arrangement.places('sink')).toBe(false);
  arrangement.keep({ score: 'sink', least: null, most: 1 });
  expect(used()).toEqual(['sink', 'change', 'likeness']);
  expect([arrangement.places('sink'), arrangement.places('change')]).toEqual([true, false]);
  end();
});

it('keeps one range of each figure, and none that is open at both ends', () => {
  const { arrangement, end } = setup();
  arrangement.keep({ score: 'sink', least: 0.1, most: null });
  arrangement.keep({ score: 'entropy', least: null, most: 0.5 });
  arrangement.keep({ score: 'sink', least: 0.25, most: null });
  expect(arrangement.ranges.map(({ score, least }) => [score, least])).toEqual([
    ['entropy', null],
    ['sink', 0.25],
  ]);
  arrangement.keep({ score: 'entropy', least: null, most: null });
  expect(arrangement.ranges.map(({ score }) => score)).toEqual(['sink']);
  end();
});

it('says that likeness is to another head than the opened one, and follows it when told again', () => {
  const { arrangement, likeness, end } = setup();
  likeness.elsewhere = true;
  expect(arrangement.outdated).toBe(false);
  arrangement.arrange('likeness', true);
  expect(arrangement.outdated).toBe(true);
  expect(likeness.follow).toHaveBeenCalled();
  end();
});

it('pins heads in the order of pinning, and forgets them with the run', () => {
  const { arrangement, likeness, end } = setup();
  arrangement.pin({ layer: 1, head: 1 });
  arrangement.pin({ layer: 0, head: 0 });
  arrangement.pin({ layer: 0, head: 1 });
  arrangement.pin({ layer: 0, head: 0 });
  expect(arrangement.pinned).toEqual([3, 1]);
  expect(arrangement.isPinned({ layer: 1, head: 1 })).toBe(true);
  arrangement.arrange('likeness', true);
  likeness.to = { layer: 0, head: 1 };
  arrangement.leave();
  expect([arrangement.pins, arrangement.by, likeness.to, arrangement.basis]).toEqual([
    [],
    'layer',
    null,
    null,
  ]);
  end();
});
