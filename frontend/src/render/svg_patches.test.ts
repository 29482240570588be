import { expect, it } from 'vitest';
import { patchSize } from './patches';
import { patchShape } from './svg_patches';

const shown = { x: 50, y: 40, side: 20, isKey: false, paint: '#009e73', opacity: 1, chosen: false };

it('shows a patch as its part of the atlas, in a frame', () => {
  const rectangles = Float32Array.of(0, 0, 0, 0, 8, 16, 12, 20);
  expect(patchShape({ rectangles }, 0, shown, 1)).toBeNull();
  const shape = patchShape({ rectangles }, 1, shown, 1) ?? '';
  // From pixels 8 to 12 and 16 to 20 of the atlas to the square about (50, 40).
  expect(shape).toContain('transform="translate(40 30) scale(20)"');
  expect(shape).toContain('transform="scale(0.25 0.25) translate(-8 -16)"');
  expect(shape).toContain('stroke="#009e73" stroke-width="2.2"');
  const key = patchShape({ rectangles }, 1, { ...shown, isKey: true }, 1) ?? '';
  expect(key).toContain('attnviz-key');
});

it('leaves patches out where there is no room for them, and enlarges them with the cell', () => {
  expect(patchSize(40, 10)).toBe(0);
  expect(patchSize(100, 100_000)).toBe(9);
  expect(patchSize(400, 400)).toBe(24);
  expect(patchSize(8000, 400)).toBe(72);
});
