import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { arrangeInOrder } from '../render/arrange';
import { type Grid, makeGrid } from '../render/layout';
import { CellGlide } from './cell_glide.svelte';

let frame: ((now: number) => void) | null;

beforeEach(() => {
  frame = null;
  vi.stubGlobal('requestAnimationFrame', (next: (now: number) => void) => {
    frame = next;
    return 1;
  });
  vi.stubGlobal('cancelAnimationFrame', () => {});
});
afterEach(() => vi.unstubAllGlobals());

function setup(motion: boolean) {
  const layers = makeGrid([2, 2]);
  let grid = $state.raw<Grid>(arrangeInOrder(layers, [0, 1, 2, 3], 1));
  const cells = new CellGlide(
    () => grid,
    () => motion,
  );
  const end = $effect.root(() => cells.begin());
  flushSync();
  const arrange = (order: number[]) => {
    grid = arrangeInOrder(layers, order, 1);
    flushSync();
  };
  return { cells, arrange, end, to: () => [...grid.rects] };
}

it('goes from where cells were to where they are', () => {
  const { cells, arrange, to, end } = setup(true);
  const before = [...cells.rects];
  arrange([3, 2, 1, 0]);
  expect([cells.active, [...cells.rects]]).toEqual([true, before]);
  frame?.(0);
  frame?.(125);
  const [x = 0] = cells.rects;
  expect(x).toBeCloseTo(((before[0] ?? 0) + (to()[0] ?? 0)) / 2);
  frame?.(250);
  expect([cells.active, [...cells.rects]]).toEqual([false, to()]);
  end();
});

it('is there at once where nothing moves, or nothing may', () => {
  const still = setup(false);
  still.arrange([3, 2, 1, 0]);
  expect([still.cells.active, [...still.cells.rects]]).toEqual([false, still.to()]);
  still.end();
  const same = setup(true);
  same.arrange([0, 1, 2, 3]);
  expect(same.cells.active).toBe(false);
  same.end();
});
