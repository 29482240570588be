import { expect, it } from 'vitest';
import { makeGrid } from '../render/layout';
import { foundAt } from './found_at';

const grid = makeGrid([2, 2]);
const camera = { scale: 100, x: 0, y: 0 };

it('is the head whose cell is there, and no head between cells', () => {
  const at = (x: number, y: number) =>
    foundAt({ grid, camera, cloud: null, patches: null, pointsOf: () => [] }, x, y);
  expect(at(150, 50)).toEqual({ place: { layer: 0, head: 1 }, point: null });
  expect(at(50, 150)).toEqual({ place: { layer: 1, head: 0 }, point: null });
  expect(at(-20, 50)).toBe(null);
});
