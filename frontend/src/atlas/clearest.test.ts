import { expect, it } from 'vitest';
import { contrastOf } from './clearest';

const grey = (...levels: number[]) => levels.flatMap((level) => [level, level, level, 255]);

it.each([
  ['black', grey(0, 0, 0, 0), 0],
  ['white', grey(255, 255), 0],
  ['half of each', grey(0, 255, 0, 255), 127.5],
  ['dark with a speck', grey(10, 10, 10, 50), Math.sqrt((3 * 10 ** 2 + 30 ** 2) / 4)],
  ['pure green beside black', [0, 255, 0, 255, 0, 0, 0, 255], (0.7152 * 255) / 2],
])('of what is %s', (_, pixels, contrast) => {
  expect(contrastOf(pixels)).toBeCloseTo(contrast, 6);
});
