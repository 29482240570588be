import { expect, it } from 'vitest';
import { seenPoints, weave } from './strands';

const loom = { width: 40, height: 60, top: 0, row: 20, keys: 3 };
const thin = { opacity: 0.5, thickness: 1, second: false };

it('lays a level line in the middle of its row', () => {
  const pixels = weave([{ ...thin, pair: 4 }], { ...loom, row: 21 }, [
    [1, 0, 0],
    [0, 0, 1],
  ]);
  const alpha = (x: number, y: number) => pixels[4 * (y * 40 + x) + 3];
  expect([alpha(0, 31), alpha(20, 31), alpha(39, 31)]).toEqual([128, 128, 128]);
  expect([alpha(20, 29), alpha(20, 33)]).toEqual([0, 0]);
  expect([...pixels.subarray(4 * (31 * 40), 4 * (31 * 40) + 3)]).toEqual([255, 0, 0]);
});

it('lets lines shine through each other, each in its colour', () => {
  const both = [
    { ...thin, pair: 4 },
    { ...thin, pair: 4, second: true },
  ];
  const pixels = weave(both, { ...loom, row: 21 }, [
    [1, 0, 0],
    [0, 0, 1],
  ]);
  const [red, , blue, alpha] = [...pixels.subarray(4 * (31 * 40 + 20), 4 * (31 * 40 + 20) + 4)];
  expect([red, blue, alpha]).toEqual([170, 85, 191]);
});

it('gives the points that are seen, and no more than the canvas is wide', () => {
  const far = { ...loom, keys: 500, top: 2000 };
  const points = seenPoints(400, far, 4); // from query 0 to key 400: 8,000 pixels down
  const heights = points.filter((_, i) => i % 2 === 1);
  expect(points.length).toBeLessThan(12);
  expect(Math.min(...heights)).toBeLessThan(0);
  expect(Math.max(...heights)).toBeGreaterThan(60);
  expect(seenPoints(0, far, 4)).toEqual([]);
});
