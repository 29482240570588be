import { describe, expect, it } from 'vitest';
import { borderCells } from './borders';
import { css, DARK, gradientOf, hex, LIGHT, mix, pointStyles, ramp, tintCells } from './colours';
import { divergingColour, divergingTints } from './diverging';

const luminance = (colour: readonly number[]) => {
  const [r = 0, g = 0, b = 0] = colour.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a: readonly number[], b: readonly number[]) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
};

describe('colours', () => {
  it('of a legend stand evenly from its low end to its high one', () => {
    expect(gradientOf(String)).toBe('linear-gradient(90deg, 0, 0.25, 0.5, 0.75, 1)');
    expect(gradientOf(String, -1, 3)).toBe('linear-gradient(90deg, -1, 0, 1)');
  });

  it('are Okabe and Ito’s for queries and keys', () => {
    expect(css(LIGHT.query)).toBe('rgb(0 158 115)');
    expect(css(LIGHT.key)).toBe('rgb(204 121 167)');
  });

  it('mix to their ends', () => {
    expect(css(mix(hex('#336699'), hex('#ffcc00'), 0))).toBe('rgb(51 102 153)');
    expect(css(mix(hex('#336699'), hex('#ffcc00'), 1))).toBe('rgb(255 204 0)');
  });

  it('rise evenly in lightness along a ramp', () => {
    for (const { ramp: stops } of [LIGHT, DARK]) {
      const lights = Array.from({ length: 11 }, (_, i) => luminance(ramp(stops, i / 10)));
      expect(lights).toEqual([...lights].sort((a, b) => a - b));
    }
  });

  it('go around the hues in one lightness, each hue itself', () => {
    for (const { wheel } of [LIGHT, DARK]) {
      const at = (degrees: number) => ramp(wheel, degrees / 360);
      expect(css(at(0))).toBe(css(at(360)));
      const strongest = (colour: readonly number[]) => colour.indexOf(Math.max(...colour));
      expect([0, 120, 240].map((degrees) => strongest(at(degrees)))).toEqual([0, 1, 2]);
    }
  });

  it('leave text readable on the strongest tint', () => {
    expect(contrast(hex('#212121'), LIGHT.tint)).toBeGreaterThan(4.5);
    expect(contrast(hex('#eceff1'), DARK.tint)).toBeGreaterThan(4.5);
  });

  it('of cells come from tables, and are those of the scale to half a byte and its rounding', () => {
    const shares = Float64Array.from({ length: 2001 }, (_, i) => i / 1000 - 0.5);
    for (const [dark, palette] of [LIGHT, DARK].entries()) {
      const differs = (colours: Uint8Array, exact: (share: number) => readonly number[]) =>
        shares.reduce((most, share, i) => {
          const own = exact(share).map((x, at) => Math.abs(255 * x - (colours[4 * i + at] ?? 0)));
          return Math.max(most, ...own);
        }, 0);
      const held = (share: number) => Math.min(1, Math.max(0, share));
      expect(
        differs(tintCells(palette, shares), (share) => mix(palette.surface, palette.tint, held(share))),
      ).toBeLessThan(1);
      expect(
        differs(divergingTints(palette, dark === 1, shares, 0.8), (share) =>
          divergingColour(palette, dark === 1, share / 0.8),
        ),
      ).toBeLessThan(1.3);
    }
    const borders = borderCells(LIGHT, Float64Array.of(Number.NaN, 0.02, 0.5, 1));
    expect([3, 7, 11, 15].map((at) => borders[at])).toEqual([0, 0, 128, 255]); // how wide
    expect([...borders.subarray(0, 3)]).toEqual(LIGHT.border.map((x) => Math.round(255 * x)));
  });

  it('tint a head without a value like the surface', () => {
    expect([...tintCells(LIGHT, Float64Array.of(Number.NaN, 0))]).toEqual([
      255, 255, 255, 255, 255, 255, 255, 255,
    ]);
  });

  it('raise the lit sequence, and the selected token above it', () => {
    const places = {
      list: new Int32Array(3),
      sequence: Int32Array.of(0, 1, 1),
      position: Int32Array.of(0, 0, 1),
      longest: 2,
    };
    const styles = pointStyles(() => LIGHT.key, 3, 3, { places, lit: { list: 0, sequence: 1, token: 1 } });
    expect([3, 7, 11, 15, 19, 23].map((i) => styles[i])).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('raise a group instead of the sequence', () => {
    const places = {
      list: new Int32Array(3),
      sequence: Int32Array.of(0, 0),
      position: Int32Array.of(0, 1),
      longest: 2,
    };
    const marks = { places, lit: { list: 0, sequence: 0, token: 1 }, group: new Set([0, 2]) };
    const styles = pointStyles((point) => (point < 2 ? LIGHT.query : LIGHT.key), 2, 2, marks);
    expect([3, 7, 11, 15].map((i) => styles[i])).toEqual([2, 3, 2, 3]);
    const rgb = (i: number) => `rgb(${[...styles.subarray(4 * i, 4 * i + 3)].join(' ')})`;
    expect([0, 1, 2].map(rgb)).toEqual([css(LIGHT.query), css(LIGHT.query), css(LIGHT.key)]);
  });

  it('tell errors apart by lightness against the surface', () => {
    for (const { errors, surface } of [LIGHT, DARK]) {
      const seen = [0, 0.25, 0.5, 0.75, 1].map((share) => contrast(ramp(errors, share), surface));
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    }
  });
});
