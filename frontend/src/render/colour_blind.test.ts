import { describe, expect, it } from 'vitest';
import { DARK, LIGHT, ramp } from './colours';
import type { Rgb } from './picture';

/** Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency",
 * severity 1; on linear RGB. */
const EYES = {
  'all cones': [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
type Eye = keyof typeof EYES;
const EYES_NAMES = Object.keys(EYES) as Eye[];

const linear = (x: number) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);

/** OKLab (Ottosson 2020) of a colour as these eyes see it. */
function seen(colour: Rgb, eye: Eye): readonly number[] {
  const rgb = colour.map(linear);
  const row = (m: readonly number[], v: readonly number[], i: number) =>
    (m[3 * i] ?? 0) * (v[0] ?? 0) + (m[3 * i + 1] ?? 0) * (v[1] ?? 0) + (m[3 * i + 2] ?? 0) * (v[2] ?? 0);
  const times = (m: readonly number[], v: readonly number[]) => [0, 1, 2].map((i) => row(m, v, i));
  const simulated = times(EYES[eye], rgb).map((x) => Math.min(1, Math.max(0, x)));
  const cones = times(
    [
      0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619,
      0.2817188376, 0.6299787005,
    ],
    simulated,
  ).map(Math.cbrt);
  return times(
    [
      0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371,
      0.7827717662, -0.808675766,
    ],
    cones,
  );
}

const distance = (a: readonly number[], b: readonly number[]) =>
  Math.hypot(...a.map((x, i) => x - (b[i] ?? 0)));

function leastDistance(colours: readonly Rgb[], eye: Eye): number {
  const labs = colours.map((colour) => seen(colour, eye));
  return Math.min(...labs.flatMap((a, i) => labs.slice(i + 1).map((b) => distance(a, b))));
}

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s palette', (_, palette) => {
  it('simulates: red and green that protanopes confuse come together, blue stays', () => {
    const olive: Rgb = [0.72, 0.66, 0];
    const orange: Rgb = [0.9, 0.62, 0];
    expect(distance(seen(olive, 'all cones'), seen(orange, 'all cones'))).toBeGreaterThan(0.07);
    expect(distance(seen(olive, 'protanopia'), seen(orange, 'protanopia'))).toBeLessThan(0.01);
    expect(seen([1, 1, 1], 'deuteranopia')[0]).toBeCloseTo(1, 2);
  });

  // Okabe and Ito's eight are 0.076 apart by the same measure; a just noticeable difference is about 0.02.
  it.each(EYES_NAMES)('keeps its hues and the grey of the rest 0.12 apart: %s', (eye) => {
    expect(leastDistance([...palette.classes, palette.other], eye)).toBeGreaterThan(0.12);
  });

  it.each(EYES_NAMES)('keeps every hue away from the surface: %s', (eye) => {
    const surface = seen(palette.surface, eye);
    for (const colour of [...palette.classes, palette.query, palette.key]) {
      expect(distance(seen(colour, eye), surface)).toBeGreaterThan(0.2);
    }
    expect(distance(seen(palette.other, eye), surface)).toBeGreaterThan(0.15);
  });

  it.each(EYES_NAMES)('tells queries from keys, whose shapes differ besides: %s', (eye) => {
    expect(leastDistance([palette.query, palette.key], eye)).toBeGreaterThan(0.06);
  });

  it.each(EYES_NAMES)('has ramps that only rise, or only fall, in lightness: %s', (eye) => {
    for (const stops of [palette.ramp, palette.errors]) {
      const lights = Array.from({ length: 33 }, (_, i) => seen(ramp(stops, i / 32), eye)[0] ?? 0);
      const rises = (lights.at(-1) ?? 0) > (lights[0] ?? 0);
      const steps = lights.slice(1).map((light, i) => (light - (lights[i] ?? 0)) * (rises ? 1 : -1));
      expect(Math.min(...steps)).toBeGreaterThan(0);
      expect(Math.abs((lights.at(-1) ?? 0) - (lights[0] ?? 0))).toBeGreaterThan(0.28);
    }
  });
});
