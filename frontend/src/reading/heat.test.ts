import { expect, it } from 'vitest';
import { DARK, hex, LIGHT, tintColour } from '../render/colours';
import { divergingColour } from '../render/diverging';
import type { Rgb } from '../render/picture';
import { heatColour, heatColours, heatPixels } from './heat';

const light = heatColours(false);
const near = (a: readonly number[], b: readonly number[]) =>
  a.every((x, i) => Math.abs(x - (b[i] ?? 0)) < 0.01);

it('runs from the surface over one hue, or to either side for a difference', () => {
  expect(near(heatColour(light, 0, false), hex('#ffffff'))).toBe(true);
  expect(near(heatColour(light, 1, false), hex('#14386f'))).toBe(true);
  expect(near(heatColour(light, -1, true), hex('#c24e00'))).toBe(true);
  expect(near(heatColour(light, 1, true), hex('#0067a8'))).toBe(true);
});

it.each([
  ['light', LIGHT, false],
  ['dark', DARK, true],
] as const)('has the colour for more that the matrix has: %s', (_, palette, dark) => {
  const isBlue = ([red, , blue]: Rgb) => blue > red;
  const colours = heatColours(dark);
  const ofMore = [
    heatColour(colours, 0.5, false),
    heatColour(colours, 1, true),
    divergingColour(palette, dark, 1),
    tintColour(palette, 1),
  ];
  const ofLess = [heatColour(colours, -1, true), divergingColour(palette, dark, -1)];
  expect([ofMore.map(isBlue), ofLess.map(isBlue)]).toEqual([
    [true, true, true, true],
    [false, false],
  ]);
});

it('has a pixel a pair, clear where nothing is', () => {
  const pixels = heatPixels(Float32Array.from([1, 0, Number.NaN, -1]), light, true);
  const alpha = [3, 7, 11, 15].map((i) => pixels[i]);
  expect(alpha).toEqual([255, 0, 0, 255]);
  expect([...pixels.subarray(0, 3)]).toEqual([0x00, 0x67, 0xa8]);
  expect([...pixels.subarray(12, 15)]).toEqual([0xc2, 0x4e, 0x00]);
});
