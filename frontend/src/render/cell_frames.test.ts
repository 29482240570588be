import { expect, it } from 'vitest';
import { cellFrames } from './cell_frames';
import { LEGIBLE, makeGrid } from './layout';
import type { Picture } from './picture';

/** Two rows of four heads, so many css pixels each. */
function frames(scale: number, x = 10) {
  const grid = makeGrid([4, 4]);
  const tints = new Uint8Array(4 * grid.total);
  const shown = { tints, borders: null, grid, opened: -1, hovered: -1, cells: grid.rects, border: [0, 0, 0] };
  const picture = { ...shown, camera: { scale, x, y: 10 } } as unknown as Picture;
  return cellFrames(picture, { width: 500, height: 500 }, 1);
}

it('lays cells apart, each with its border', () => {
  const [first, second] = frames(40);
  expect([first?.tile, first?.wall]).toEqual([false, 1]);
  expect((second?.left ?? 0) - (first?.right ?? 0)).toBeGreaterThanOrEqual(2);
});

it('lays tiles close, without borders, wherever the camera stands and whatever is rounded', () => {
  for (const scale of [5, 7.07, 9.5, 12.25]) {
    for (const x of [10, 10.25, 10.5, 11.75]) {
      const all = frames(scale, x);
      expect(all.every(({ tile, wall }) => tile && wall === 0)).toBe(true);
      for (let i = 0; i < 3; i++) expect(all[i + 1]?.left).toBe(all[i]?.right);
      expect(all[4]?.top).toBe(all[0]?.bottom);
    }
  }
  // All cells of a matrix are tiles or none, however their sides are rounded.
  expect(new Set(frames(LEGIBLE / 0.93 - 0.1).map(({ tile }) => tile))).toEqual(new Set([true]));
  expect(new Set(frames(LEGIBLE / 0.93 + 0.1).map(({ tile }) => tile))).toEqual(new Set([false]));
});
