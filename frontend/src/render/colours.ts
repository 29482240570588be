import type { Rgb } from './picture';

/** The colours of the data. Hues are Okabe and Ito's, which colour-blind eyes tell apart; ramps are even in
 * lightness because they are mixed in OKLab. */

export interface Palette {
  readonly surface: Rgb;
  readonly border: Rgb;
  readonly accent: Rgb;
  readonly query: Rgb;
  readonly key: Rgb;
  readonly ramp: readonly Rgb[];
  /** From what is right and steps back to what is wrong and stands out. */
  readonly errors: readonly Rgb[];
  readonly classes: readonly Rgb[];
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
  errors: ['#c4cad3', '#e69f00', '#8f1d00'].map(hex),
  classes: ['#e69f00', '#56b4e9', '#009e73', '#b8a800', '#0072b2', '#d55e00', '#cc79a7', '#7f7f7f'].map(hex),
  tint: hex('#9ac3ee'),
};

export const DARK: Palette = {
  surface: hex('#303030'),
  border: hex('#4a4d51'),
  accent: hex('#ffa040'),
  query: hex('#19c79a'),
  key: hex('#ec9cc8'),
  ramp: ['#7c6fe0', '#4a9fe6', '#37c4ad', '#a2d65a', '#ffe35c'].map(hex),
  errors: ['#5f6670', '#d97b16', '#fff0c2'].map(hex),
  classes: ['#f0b030', '#73c5f3', '#19c79a', '#f0e442', '#4a9fdc', '#ee7a33', '#ec9cc8', '#b5b5b5'].map(hex),
  tint: hex('#2a5f94'),
};

export const COLOURINGS = ['kind', 'position', 'sequence', 'false_neighbours', 'tears'] as const;
/** What a point's colour tells: query or key, place in its sequence, which sequence, or how wrong its place is: near
 * points that are no neighbours, and neighbours that were torn away. */
export type Colouring = (typeof COLOURINGS)[number];

/** The error from which on a point has the last colour. Their mean is 1 − trustworthiness, a few hundredths: up to 1
 * all of them would look alike. */
export const WORST = 0.5;

/** Whether the colour is about one head's projection, not about the tokens. */
export function isError(colouring: Colouring): colouring is 'false_neighbours' | 'tears' {
  return colouring === 'false_neighbours' || colouring === 'tears';
}

export interface TokenPlaces {
  readonly sequence: Int32Array; // [tokens]
  readonly position: Int32Array; // [tokens]
  readonly longest: number;
}

export interface Lit {
  readonly sequence: number;
  readonly token: number;
}

/** What is known of the points: where their tokens stand, which are selected, how wrong their places are. */
export interface Marks {
  readonly places: TokenPlaces | null;
  readonly lit: Lit | null;
  /** Points that are lit instead of the selected token's sequence. */
  readonly group?: ReadonlySet<number> | null;
  /** [queries + keys], each in [0, 1] */
  readonly errors?: Float32Array | null;
}

/** A scene's `looks`: colour and level of each query, then of each key. */
export function pointLooks(
  palette: Palette,
  colouring: Colouring,
  queries: number,
  keys: number,
  { places, lit, group, errors }: Marks,
): Uint8Array {
  const looks = new Uint8Array(4 * (queries + keys));
  for (let i = 0; i < queries + keys; i++) {
    const token = i < queries ? i : i - queries;
    const sequence = places?.sequence[token] ?? 0;
    const position = places?.position[token] ?? 0;
    let colour = i < queries ? palette.query : palette.key;
    if (colouring === 'position' && places)
      colour = ramp(palette.ramp, position / Math.max(1, places.longest - 1));
    if (colouring === 'sequence' && places)
      colour = palette.classes[sequence % palette.classes.length] ?? colour;
    const wrong = errors?.[i] ?? Number.NaN;
    if (!Number.isNaN(wrong)) colour = ramp(palette.errors, wrong / WORST);
    const inSequence = lit !== null && places !== null && sequence === lit.sequence;
    let level = (group ? group.has(i) : inSequence) ? 2 : 1;
    if (inSequence && position === lit.token) level = 3;
    looks.set([...bytes(colour), level], 4 * i);
  }
  return looks;
}

/** A scene's `tints`: [heads, 4]. `shares` in [0, 1]; NaN keeps the surface. */
export function tintCells(palette: Palette, shares: Float64Array): Uint8Array {
  const tints = new Uint8Array(4 * shares.length);
  shares.forEach((share, i) => {
    tints.set([...bytes(tintColour(palette, share)), 255], 4 * i);
  });
  return tints;
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
