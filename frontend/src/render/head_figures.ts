import { type Palette, ramp } from './colours';
import type { Rgb } from './picture';

/** What of its points' styles is a head's own. */
export interface HeadFigures {
  /** Of each point: its place on the ramp (0: none, it looks as its token; else 1 to 255), and its size (0: that of all;
   * else 1 to 255, from half to twice that). [heads × points, 2] */
  readonly values: Uint8Array;
  /** RGBA bytes; the first one is never used. [256, 4] */
  readonly ramp: Uint8Array;
}

/** Bytes of HeadFigures for a share in [0, 1]; NaN is none. */
export function byteOf(share: number): number {
  return Number.isNaN(share) ? 0 : 1 + Math.round(254 * Math.min(1, Math.max(0, share)));
}

/** Those of some heads alone, in the order of their numbers' list. @param points of each head */
export function figuresOf(
  { values, ramp }: HeadFigures,
  heads: readonly number[],
  points: number,
): HeadFigures {
  const chosen = new Uint8Array(2 * points * heads.length);
  heads.forEach((head, i) => {
    chosen.set(values.subarray(2 * points * head, 2 * points * (head + 1)), 2 * points * i);
  });
  return { values: chosen, ramp };
}

const tables = new WeakMap<readonly Rgb[], Uint8Array>();

/** The ramp of HeadFigures; the same array for the same colours. */
export function rampTable(stops: Palette['ramp']): Uint8Array {
  const known = tables.get(stops);
  if (known) return known;
  const table = new Uint8Array(4 * 256);
  for (let i = 1; i < 256; i++) {
    const colour = ramp(stops, (i - 1) / 254);
    table.set([...colour.map((x) => Math.round(255 * Math.min(1, Math.max(0, x)))), 255], 4 * i);
  }
  tables.set(stops, table);
  return table;
}
