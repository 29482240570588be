import { expect, it } from 'vitest';
import { hex } from '../render/colours';
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

it('has a pixel a pair, clear where nothing is', () => {
  const pixels = heatPixels(Float32Array.from([1, 0, Number.NaN, -1]), light, true);
  const alpha = [3, 7, 11, 15].map((i) => pixels[i]);
  expect(alpha).toEqual([255, 0, 0, 255]);
  expect([...pixels.subarray(0, 3)]).toEqual([0x00, 0x67, 0xa8]);
  expect([...pixels.subarray(12, 15)]).toEqual([0xc2, 0x4e, 0x00]);
});
