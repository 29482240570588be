import { expect, it } from 'vitest';
import { trailsThrough } from './corners';
import { makeGrid } from './layout';

it('lays the corners of each line one after the other, head by head', () => {
  const grid = makeGrid([2], 0);
  const styles = Uint8Array.from([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  const step = (n: number) => [Float32Array.from([n, 0, n, 1, n, 2]), Float32Array.from([n, 3, n, 4, n, 5])];
  const steps = [[null, step(1)[1] ?? null], step(2), step(3)];
  const trails = trailsThrough(steps, [0, 1], [0, 2], { rects: grid.rects, dims: 2, styles });
  expect([trails.perLine, trails.perHead]).toEqual([3, 2]);
  expect([...trails.corners]).toEqual([
    ...[Number.NaN, Number.NaN, 2, 0, 3, 0], // head 0 was not there at the first step
    ...[Number.NaN, Number.NaN, 2, 2, 3, 2],
    ...[1, 3, 2, 3, 3, 3],
    ...[1, 5, 2, 5, 3, 5],
  ]);
  expect([...trails.cells.subarray(4)]).toEqual([1, 0, 1, 0]);
  expect([...trails.styles]).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
});
