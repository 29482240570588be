import { expect, it } from 'vitest';
import { arrangeByLayer, arrangeInOrder } from '../render/arrange';
import { makeGrid } from '../render/layout';
import { groupLayers } from '../run/modules';
import { bandsOf, columnsOf, fallOn, placeIn, strokeNear } from './strip';

const layers = [{ name: 'layers.0' }, { name: 'layers.1' }].map((each) => ({
  ...each,
  attends: 'self' as const,
}));
const numbering = makeGrid([2, 4]);
const numbers = (height: number, shown: (number: number) => boolean = () => true) =>
  bandsOf(arrangeByLayer(numbering, groupLayers(layers), shown), height).map((band) => band.numbers);

it('stands layers a pixel apart, as high as they have heads, and leaves filtered heads out', () => {
  expect(bandsOf(numbering, 25)).toEqual([
    { top: 0, height: 8, numbers: [0, 1] },
    { top: 9, height: 16, numbers: [2, 3, 4, 5] },
  ]);
  expect(numbers(25, (number) => number % 2 === 1)).toEqual([[1], [3, 5]]);
  expect(bandsOf(arrangeInOrder(numbering, [], 1), 25)).toEqual([]);
});

it('stands all heads together where they are in one order, or where layers would be too low', () => {
  expect(bandsOf(arrangeInOrder(numbering, [5, 0, 3, 1], 1), 25)).toEqual([
    { top: 0, height: 25, numbers: [5, 0, 3, 1] },
  ]);
  expect(numbers(8)).toEqual([[0, 1, 2, 3, 4, 5]]);
});

it('gives a column to every checkpoint and every step of the figure on the timeline', () => {
  const columns = columnsOf([0, 100, 400], { steps: [0, 50, 100, 500] }, 440, 20);
  expect(columns.steps).toEqual([0, 50, 100, 400]);
  expect([...columns.rows]).toEqual([0, 1, 2, -1]); // one checkpoint without, one step after the newest
  expect([...columns.edges]).toEqual([0, 45, 95, 270, 440]); // half way between 20, 70, 120 and 420
  expect([...columnsOf([7], { steps: [7] }, 440, 20).edges]).toEqual([0, 40]);
});

it('lets what is narrower than a pixel share it', () => {
  const { from, to } = fallOn([0, 0.3, 0.4, 2, 4], 5);
  expect([...from].map((first, i) => [first, to[i]])).toEqual([
    [0, 4 - 1], // three begin on the first one
    [2, 3],
    [3, 4],
    [3, 4],
    [0, 0], // nothing there
  ]);
  const many = fallOn(
    Float64Array.from({ length: 1001 }, (_, i) => (i * 10) / 1000),
    10,
  );
  expect(many.from[0]).toBe(0);
  expect(many.to[9]).toBe(1000);
  for (let pixel = 1; pixel < 10; pixel++)
    expect(many.from[pixel]).toBeLessThanOrEqual(many.to[pixel - 1] ?? 0);
});

it('finds where a head at a step lies', () => {
  const bands = bandsOf(numbering, 25);
  const columns = columnsOf([0, 100], { steps: [0, 100] }, 220, 10);
  expect(placeIn(bands, columns, 3, 100)).toEqual({ left: 110, top: 13, width: 110, height: 4 });
  expect(placeIn(bands, columns, 6, 100)).toBeNull();
  expect(placeIn(bands, columns, 3, 50)).toBeNull();
});

it('snaps to the nearest stroke within reach', () => {
  const strokes = [
    { x: 10, top: 0, height: 6 },
    { x: 16, top: 20, height: 6 },
  ];
  const near = (x: number, y: number) =>
    strokes.indexOf(strokeNear(strokes, x, y, 4) ?? { x, top: y, height: 0 });
  expect([near(10, 3), near(13.9, 6), near(10, 10), near(16, 16)]).toEqual([0, 0, 0, 1]);
  expect([near(14.1, 3), near(10, 10.1), near(13, 9)]).toEqual([-1, -1, -1]);
});
