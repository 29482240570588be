import { expect, it } from 'vitest';
import { LINE, placeLabels } from './labels';

const SIZE = { width: 300, height: 200 };
const label = (x: number, y: number, text = 'word') => ({ x, y, text });

it('puts labels beside their points, and none over another', () => {
  const many = Array.from({ length: 400 }, (_, i) => label(20 + ((i * 37) % 260), 10 + ((i * 53) % 180)));
  const placed = placeLabels(many, SIZE, 1000);
  expect(placed.length).toBeGreaterThan(20);
  for (const [i, a] of placed.entries()) {
    for (const b of placed.slice(i + 1)) {
      const apart = Math.abs(a.left - b.left) >= 4 * 6.6 || Math.abs(a.top - b.top) >= LINE;
      expect(apart).toBe(true);
    }
    expect(a.left >= 0 && a.top >= 0 && a.left + 4 * 6.6 <= 300 && a.top + LINE <= 200).toBe(true);
  }
});

it('gives the first ones the room', () => {
  const [first] = placeLabels([label(150, 100, 'first'), label(151, 101, 'second')], SIZE, 1);
  expect(first?.text).toBe('first');
});

it('makes room by zooming in, and leaves out what is then out of sight', () => {
  const near = [
    label(150, 100),
    label(152, 102),
    label(154, 104),
    label(148, 98),
    label(146, 96),
    label(9, 9),
  ];
  const zoomed = near.map(({ x, y }) => label(150 + 12 * (x - 150), 100 + 12 * (y - 100)));
  expect(placeLabels(near, SIZE, 100).length).toBeLessThan(6);
  expect(placeLabels(zoomed, SIZE, 100)).toHaveLength(5);
});

it('gives up where there is no room left', () => {
  let asked = 0;
  function* same() {
    for (; asked < 1000; asked++) yield label(150, 100);
  }
  placeLabels(same(), SIZE, 100, 10);
  expect(asked).toBeLessThan(20);
});
