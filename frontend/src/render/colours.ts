import type { TokenPlaces } from '../run/places';
import type { Rgb } from './picture';
import { type Scale, shareOf } from './scale';

/** The colours of the data. Queries and keys are Okabe and Ito's green and pink, and differ in shape besides; the classes'
 * hues were searched for the largest least distance, in OKLab, as seen by all eyes (colour_blind.test.ts); ramps are even
 * in lightness because they are mixed in OKLab. */

export interface Palette {
  readonly surface: Rgb;
  readonly border: Rgb;
  readonly accent: Rgb;
  readonly query: Rgb;
  readonly key: Rgb;
  readonly ramp: readonly Rgb[];
  /** Once around the hues, from red to red, all equally light. */
  readonly wheel: readonly Rgb[];
  /** From what is right and steps back to what is wrong and stands out. */
  readonly errors: readonly Rgb[];
  readonly classes: readonly Rgb[];
  /** What has no class of its own, or no value. */
  readonly other: Rgb;
  /** The far end of the cells' tint. */
  readonly tint: Rgb;
}

export const LIGHT: Palette = {
  surface: hex('#ffffff'),
  border: hex('#dadce0'),
  accent: hex('#e65100'),
  query: hex('#009e73'),
  key: hex('#cc79a7'),
  ramp: ['#332a86', '#1f6aa8', '#15988f', '#76b43c', '#dcae00'].map(hex),
  wheel: wheel(0.64),
  errors: ['#c4cad3', '#e69f00', '#8f1d00'].map(hex),
  classes: ['#ee9f01', '#0f72fc', '#cb4796', '#1f623d', '#6e1fa5', '#888113', '#551400', '#102b5b'].map(hex),
  other: hex('#a8adb4'),
  tint: hex('#b4d3f4'),
};

export const DARK: Palette = {
  surface: hex('#303030'),
  border: hex('#4a4d51'),
  accent: hex('#ffa040'),
  query: hex('#19c79a'),
  key: hex('#ec9cc8'),
  ramp: ['#7c6fe0', '#4a9fe6', '#37c4ad', '#a2d65a', '#ffe35c'].map(hex),
  wheel: wheel(0.74),
  errors: ['#5f6670', '#d97b16', '#fff0c2'].map(hex),
  classes: ['#fda708', '#6297ff', '#34dc9d', '#c5bbff', '#d86900', '#ecfa04', '#a440bd', '#a3ffe7'].map(hex),
  other: hex('#80868e'),
  tint: hex('#2b5078'),
};

/** The error from which on a point has the last colour. Their mean is 1 − trustworthiness, a few hundredths: up to 1
 * all of them would look alike. */
export const WORST = 0.5;

interface Lit {
  readonly list: number;
  readonly sequence: number;
  readonly token: number;
}

/** What is known of the points: where their tokens stand, which are selected. */
export interface Marks {
  readonly places: TokenPlaces | null;
  readonly lit: Lit | null;
  /** Points that are lit instead of the selected token's sequence. */
  readonly group?: ReadonlySet<number> | null;
}

/** A scene's `styles`: colour and level of each query, then of each key.
 * @param colourOf a point's, by its number */
export function pointStyles(
  colourOf: (point: number) => Rgb,
  queries: number,
  keys: number,
  { places, lit, group }: Marks,
): Uint8Array {
  const styles = new Uint8Array(4 * (queries + keys));
  for (let i = 0; i < queries + keys; i++) {
    const token = i < queries ? i : i - queries;
    const inSequence = lit !== null && places !== null && places.sequence[token] === lit.sequence;
    let level = (group ? group.has(i) : inSequence) ? 2 : 1;
    if (inSequence && places.position[token] === lit.token && places.list[token] === lit.list) level = 3;
    styles.set([...bytes(colourOf(i)), level], 4 * i);
  }
  return styles;
}

/** The colours of tokens on a scale. @param of each token's number, where the scale is a range; NaN: not known */
export function tokenColours(
  { classes, other, ramp: plain, wheel }: Palette,
  scale: Scale,
  of: Float64Array | null,
): (token: number) => Rgb {
  if (scale.kind === 'classes') {
    const { swatches } = scale;
    return (token) => classes[swatches[scale.of[token] ?? -1]?.hue ?? -1] ?? other;
  }
  const stops = scale.hue ? wheel : plain;
  const known = new Map<number, Rgb>(); // tokens have few different values, and mixing is slow
  return (token) => {
    const value = of?.[token] ?? Number.NaN;
    if (Number.isNaN(value)) return other;
    const colour = known.get(value) ?? ramp(stops, shareOf(scale, value));
    known.set(value, colour);
    return colour;
  };
}

/** Colours of a scale from which those of cells are taken: mixing is slow, and finer steps are not told apart. */
const STEPS = 255;

/** A table of colours on a scale, and behind them that of what is not known: RGBA bytes, each in one number. [STEPS + 2]
 * @param colourAt of shares in [0, 1], and of NaN */
export function colourTable(colourAt: (share: number) => Rgb): Uint32Array {
  const table = new Uint8Array(4 * (STEPS + 2));
  for (let step = 0; step <= STEPS; step++) table.set([...bytes(colourAt(step / STEPS)), 255], 4 * step);
  table.set([...bytes(colourAt(Number.NaN)), 255], 4 * (STEPS + 1));
  return new Uint32Array(table.buffer);
}

/** The colours of shares by a table: [shares, 4]. */
export function coloursOf(table: Uint32Array, shares: ArrayLike<number>): Uint8Array {
  const colours = new Uint32Array(shares.length);
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i] ?? Number.NaN;
    const step = Number.isFinite(share) ? Math.round(STEPS * Math.min(1, Math.max(0, share))) : STEPS + 1;
    colours[i] = table[step] ?? 0;
  }
  return new Uint8Array(colours.buffer);
}

const tintTables = new WeakMap<Palette, Uint32Array>();

/** A scene's `tints`: [heads, 4]. `shares` in [0, 1]; NaN keeps the surface. */
export function tintCells(palette: Palette, shares: Float64Array): Uint8Array {
  const table = tintTables.get(palette) ?? colourTable((share) => tintColour(palette, share));
  tintTables.set(palette, table);
  return coloursOf(table, shares);
}

export function tintColour(palette: Palette, share: number): Rgb {
  return Number.isFinite(share) ? mix(palette.surface, palette.tint, share) : palette.surface;
}

export function ramp(stops: readonly Rgb[], share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[low] ?? [0, 0, 0], stops[low + 1] ?? [0, 0, 0], at - low);
}

/** Mixes in OKLab (Ottosson 2020), where equal steps look equal. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const [from, to] = [toLab(a), toLab(b)];
  return fromLab(from.map((x, i) => x + share * ((to[i] ?? 0) - x)));
}

/** Mixes as WebGL does: the very numbers. */
export function mixPlain(a: Rgb, b: Rgb, share: number): Rgb {
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])];
}

export function css(colour: Rgb): string {
  return `rgb(${bytes(colour).join(' ')})`;
}

/** Css of a legend's colours from its low end to its high one, evenly.
 * @param colourOf what stands at a share from `from` to 1, css */
export function gradientOf(colourOf: (share: number) => string, from = 0, stops = 5): string {
  const colours = Array.from({ length: stops }, (_, i) => colourOf(from + ((1 - from) * i) / (stops - 1)));
  return `linear-gradient(90deg, ${colours.join(', ')})`;
}

/** As every reader of SVG understands it. */
export function hexCode(colour: Rgb): string {
  return `#${bytes(colour)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}`;
}

export function hex(code: string): Rgb {
  const n = Number.parseInt(code.slice(1), 16);
  return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

function bytes(colour: Rgb): number[] {
  return colour.map((x) => Math.round(255 * Math.min(1, Math.max(0, x))));
}

/** A colour for every 15 degrees of hue (0 red, 120 green, 240 blue): its own hue, in one lightness of OKLab. */
function wheel(lightness: number): Rgb[] {
  return Array.from({ length: 25 }, (_, i) => {
    const pure = (at: number) => {
      const k = (at + i / 4) % 6;
      return 1 - Math.max(0, Math.min(1, k, 4 - k));
    };
    const [, a = 0, b = 0] = toLab([pure(5), pure(3), pure(1)]);
    const strong = 0.12 / Math.hypot(a, b);
    return fromLab([lightness, a * strong, b * strong]);
  });
}

function toLab(colour: Rgb): number[] {
  const [r, g, b] = colour.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromLab([light = 0, a = 0, b = 0]: number[]): Rgb {
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const gamma = (x: number) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
