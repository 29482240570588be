import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Group } from '../run/pictures';
import type { Asked, Pair } from '../shown/pair';
import { LENGTHS, Trails, USUAL_LENGTH } from './trails.svelte';

const STEPS = [0, 100, 200, 300, 400];

class Shown {
  selected = $state.raw<readonly number[]>([]);
  group = $state.raw<Group | null>(null);
  slow = $state(false);
  from = $state(4);
  to = $state(4);
}
let shown: Shown;
let trails: Trails;

/** One head of two points; the first coordinate of point p at step s is 10 s + p. */
const at = (index: number) => Float32Array.of(10 * index, 0, 10 * index + 1, 0);
const pairOf = (from: number, to: number): Pair => ({
  asked: {} as Asked,
  dims: 2,
  fromStep: STEPS[from] ?? 0,
  toStep: STEPS[to] ?? 0,
  from: { id: '', heads: [at(from)] },
  to: { id: '', heads: [at(to)] },
  late: new Map(),
});
let missing: Set<number>;
function scene(pair: Pair | null, parts: { stale?: boolean; active?: boolean } = {}) {
  return {
    pair,
    stale: parts.stale ?? false,
    morph: { active: parts.active ?? false } as never,
    held: (index: number) => [missing.has(index) ? null : at(index)],
  };
}
const drawn = (pair: Pair | null, parts = {}) =>
  trails.of(scene(pair, parts), Float32Array.of(0, 0, 1, 0), Uint32Array.of(0), new Uint8Array(8));
const firstCoordinates = (of: ReturnType<typeof drawn>) =>
  of && [...of.corners].filter((_, i) => i % 2 === 0);

beforeEach(() => {
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => null }) }); // counts as a graphics card
  missing = new Set();
  shown = new Shown();
  trails = new Trails({
    marks: shown,
    styles: shown,
    axes: shown,
    playback: {
      steps: STEPS,
      get from() {
        return shown.from;
      },
      get to() {
        return shown.to;
      },
    },
  });
});
afterEach(() => vi.unstubAllGlobals());

it('are of the selected token’s query and key and of marked points', () => {
  expect([trails.possible, trails.wanted]).toEqual([false, []]);
  shown.selected = [1, 6];
  expect(trails.points).toEqual([1, 6]);
  shown.group = { id: '1', points: [3], of: 10 };
  expect(trails.points).toEqual([1, 6, 3]);
});

it('are of a sample of many points, evenly through them, and always of the selected token', () => {
  shown.group = { id: '1', points: Array.from({ length: 1000 }, (_, i) => i), of: 1000 };
  expect(trails.drawn.length).toBe(120);
  expect([trails.drawn[0], trails.drawn[60], trails.drawn[119]]).toEqual([0, 500, 991]);
  shown.selected = [1, 6];
  expect([trails.drawn.length, ...trails.drawn.slice(0, 3)]).toEqual([120, 1, 6, 0]);
  expect(new Set(trails.drawn.slice(2)).size).toBe(118);
});

it('go so many checkpoints back from the shown one', () => {
  shown.group = { id: '1', points: [0], of: 4 };
  trails.length = 3;
  expect(trails.wanted).toEqual([3, 2, 1]);
  shown.from = 2;
  expect(trails.wanted).toEqual([1, 0]);
  trails.length = 0;
  expect(trails.wanted).toEqual([]);
  trails.length = 'all';
  shown.slow = true;
  expect([trails.wanted, trails.before]).toEqual([[], [1, 0]]); // they go through slow pictures that are here
});

it('come through the checkpoints before the shown one, and end where the points are', () => {
  shown.group = { id: '1', points: [1], of: 4 };
  shown.from = 2;
  shown.to = 3;
  expect(firstCoordinates(drawn(pairOf(2, 3)))).toEqual([1, 11, 21, 31]);
  missing.add(0);
  expect(firstCoordinates(drawn(pairOf(2, 3)))).toEqual([11, 21, 31]);
  missing.add(1);
  expect(drawn(pairOf(2, 3))).toBeNull();
});

it('are of the shown steps only', () => {
  shown.group = { id: '1', points: [0], of: 4 };
  shown.from = 2;
  shown.to = 2;
  expect(drawn(pairOf(2, 2))).not.toBeNull();
  for (const [from, to] of [
    [4, 4],
    [1, 2],
    [2, 3],
  ] as const) {
    expect(drawn(pairOf(from, to))).toBeNull(); // the scene still shows other steps
  }
  expect(drawn(pairOf(2, 2), { stale: true })).toBeNull();
  expect(drawn(pairOf(2, 2), { active: true })).toBeNull();
  expect(drawn(null)).toBeNull();
});

it('have one length after the other', () => {
  expect(trails.length).toBe(USUAL_LENGTH);
  const seen = LENGTHS.map(() => {
    trails.next();
    return trails.length;
  });
  expect(new Set(seen)).toEqual(new Set(LENGTHS));
  expect(trails.length).toBe(USUAL_LENGTH);
});
