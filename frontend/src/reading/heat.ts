import { css, gradientOf, hex, mix, ramp } from '../render/colours';
import type { Rgb } from '../render/picture';

/** Colours of a heat map. Weights run over a ramp of one hue; differences over blue and vermilion (Okabe and Ito), which
 * colour-blind eyes tell apart. Both follow the square root of the size, so that small weights can be seen at all. */
interface HeatColours {
  readonly weights: readonly Rgb[];
  readonly less: Rgb;
  readonly more: Rgb;
}

const LIGHT: HeatColours = {
  weights: ['#ffffff', '#a9cdec', '#3d86c6', '#14386f'].map(hex),
  less: hex('#c24e00'),
  more: hex('#0067a8'),
};
const DARK: HeatColours = {
  weights: ['#303030', '#24568a', '#4a9fe6', '#e6f4ff'].map(hex),
  less: hex('#f08a4a'),
  more: hex('#62bdf5'),
};

export function heatColours(dark: boolean): HeatColours {
  return dark ? DARK : LIGHT;
}

/** The colour of a weight in [0, 1], or of a difference in [−1, 1]. */
export function heatColour(colours: HeatColours, value: number, signed: boolean): Rgb {
  const share = Math.sqrt(Math.min(1, Math.abs(value)));
  const surface = colours.weights[0] ?? [1, 1, 1];
  if (!signed) return ramp(colours.weights, share);
  return mix(surface, value < 0 ? colours.less : colours.more, share);
}

/** A legend's colours, evenly on the scale of square roots: from 0, or from all less to all more. */
export function heatGradient(dark: boolean, signed: boolean): string {
  const colourOf = (share: number) => css(heatColour(heatColours(dark), share * Math.abs(share), signed));
  return gradientOf(colourOf, signed ? -1 : 0, 9);
}

const SHADES = 256;

/** One pixel a pair, [queries, keys] row by row, RGBA; clear where the weight is 0 or not a number. */
export function heatPixels(
  weights: Float32Array,
  colours: HeatColours,
  signed: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  // The table is even in the square root, as the colours are.
  const table = [1, -1].map((sign) =>
    Array.from({ length: SHADES }, (_, i) =>
      heatColour(colours, sign * (i / (SHADES - 1)) ** 2, signed).map((x) => Math.round(255 * x)),
    ),
  );
  const pixels = new Uint8ClampedArray(4 * weights.length);
  weights.forEach((weight, i) => {
    if (weight === 0 || Number.isNaN(weight)) return;
    const shade = Math.round((SHADES - 1) * Math.sqrt(Math.min(1, Math.abs(weight))));
    const [red = 0, green = 0, blue = 0] = table[weight < 0 ? 1 : 0]?.[shade] ?? [];
    pixels.set([red, green, blue, 255], 4 * i);
  });
  return pixels;
}
