/** How values become colours, and what a legend says of it. */

/** What is known of each token of the probe. */
export type TokenValues =
  | {
      readonly kind: 'names';
      readonly names: readonly string[];
      /** Number of each token's name; −1: not known. [tokens] */
      readonly of: Int32Array;
      /** The palette begins anew after its last hue: for names that are many and stand in a row. */
      readonly cycles?: true;
      /** Names stand in an order of their own, which a legend keeps. */
      readonly ordered?: true;
    }
  | {
      readonly kind: 'numbers';
      /** NaN: not known. [tokens] */
      readonly of: Float64Array;
      readonly unit: string;
      readonly logarithmic?: true;
      /** Degrees of a hue: they go round, and are shown as themselves. */
      readonly hue?: true;
    };

/** Names with a hue each. */
interface Classes {
  readonly kind: 'classes';
  readonly swatches: readonly Swatch[];
  /** Number of each token's swatch; −1: not known. [tokens] */
  readonly of: Int32Array;
}

export interface Swatch {
  readonly name: string;
  /** Number of its hue in the palette; null: grey. */
  readonly hue: number | null;
  /** How many tokens have it. */
  readonly tokens: number;
}

/** Numbers along a ramp. */
export interface Range {
  readonly kind: 'range';
  readonly low: number;
  readonly high: number;
  readonly unit: string;
  readonly logarithmic: boolean;
  /** From 0 to 360 degrees around the wheel of hues. */
  readonly hue?: true;
}

export type Scale = Classes | Range;

/** Names of a cycle of hues that a legend lists. */
const LISTED = 4;
/** On a logarithmic scale, how many times smaller than its high end the low end can be. */
const DEEPEST = 1000;

/** @param hues how many the palette has */
export function scaleOf(values: TokenValues, hues: number): Scale {
  if (values.kind === 'names') return values.cycles ? cycle(values, hues) : classes(values, hues);
  const { of, unit, logarithmic = false, hue } = values;
  if (hue) return { kind: 'range', low: 0, high: 360, unit, logarithmic: false, hue };
  const known = of.filter(Number.isFinite);
  const low = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (known.length === 0) return { kind: 'range', low: 0, high: 1, unit, logarithmic: false };
  return { kind: 'range', low, high, unit, logarithmic: logarithmic && low > 0 };
}

/** Where a value stands on the scale, in [0, 1]; NaN for one that is not known. */
export function shareOf({ low, high, logarithmic }: Range, value: number): number {
  if (Number.isNaN(value)) return value;
  const [a, b, x] = logarithmic
    ? [Math.log(floor(low, high)), Math.log(high), Math.log(Math.max(value, floor(low, high)))]
    : [low, high, value];
  if (!(b > a)) return 0.5;
  return Math.min(1, Math.max(0, (x - a) / (b - a)));
}

/** The value at a share of the scale. */
export function valueAt({ low, high, logarithmic }: Range, share: number): number {
  if (!logarithmic) return low + share * (high - low);
  const least = floor(low, high);
  return least * (high / least) ** share;
}

function floor(low: number, high: number): number {
  return Math.max(low, high / DEEPEST, Number.MIN_VALUE);
}

type Names = TokenValues & { kind: 'names' };

/** The most frequent names have the hues, the rest is grey. */
function classes({ names, of, ordered }: Names, hues: number): Classes {
  const counts = count(of, names.length);
  const byCount = names.map((_, i) => i).sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b);
  const present = byCount.filter((i) => (counts[i] ?? 0) > 0);
  const chosen = present.slice(0, hues);
  // In an order of their own names keep their hues too, as far as these reach.
  if (ordered) chosen.sort((a, b) => a - b);
  const rest = present.slice(hues);
  const swatches: Swatch[] = chosen.map((i, hue) => ({ name: names[i] ?? '', hue, tokens: counts[i] ?? 0 }));
  if (rest.length > 0) {
    const tokens = rest.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
    swatches.push({ name: `other (${rest.length} more)`, hue: null, tokens });
  }
  const swatchOf = new Int32Array(names.length).fill(chosen.length);
  chosen.forEach((name, i) => {
    swatchOf[name] = i;
  });
  return { kind: 'classes', swatches, of: of.map((name) => (name < 0 ? -1 : (swatchOf[name] ?? -1))) };
}

function cycle({ names, of }: Names, hues: number): Classes {
  const counts = count(of, names.length);
  const swatches = Array.from({ length: Math.min(hues, names.length) }, (_, hue) => {
    const mine = names.flatMap((_, i) => (i % hues === hue ? [i] : []));
    const listed = mine.slice(0, LISTED).map((i) => names[i]);
    const tokens = mine.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
    return { name: listed.join(', ') + (mine.length > LISTED ? ', …' : ''), hue, tokens };
  });
  return { kind: 'classes', swatches, of: of.map((name) => (name < 0 ? -1 : name % hues)) };
}

function count(of: Int32Array, names: number): Int32Array {
  const counts = new Int32Array(names);
  for (const name of of) if (name >= 0) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
