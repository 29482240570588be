import type { Pair } from './weights';

/** The bipartite picture's lines: from a query's row on the left to a key's row on the right. */

/** Fainter lines than this cannot be seen. */
const LEAST = 0.02;
/** So many lines are drawn at once; more of them are a fog, and slow. */
const MOST = 3000;

/** Pairs (row × keys + column) worth a line, the strongest first. */
export function linesOf(weights: Float32Array): Uint32Array {
  const found: number[] = [];
  weights.forEach((weight, i) => {
    if (Math.abs(weight) >= LEAST) found.push(i);
  });
  const strength = (pair: number) => Math.abs(weights[pair] ?? 0);
  return Uint32Array.from(found).sort((a, b) => strength(b) - strength(a));
}

/** The strongest of the lines that cross these rows. */
export function linesAcross(lines: Uint32Array, keys: number, first: number, last: number): number[] {
  const across: number[] = [];
  for (const pair of lines) {
    const [query, key] = [Math.floor(pair / keys), pair % keys];
    if (Math.max(query, key) < first || Math.min(query, key) > last) continue;
    across.push(pair);
    if (across.length === MOST) break;
  }
  return across;
}

/** Control points of all lines, as shares of the width: level at both ends. */
const BEND = [0.4, 0.6] as const;

/** A line as an SVG path.
 * @param place css pixels: how wide it runs, how high a row is, how far the sheet is scrolled */
export function curveOf(
  pair: number,
  place: { readonly width: number; readonly row: number; readonly top: number; readonly keys: number },
): string {
  const { width, row, top, keys } = place;
  const [from, to] = [Math.floor(pair / keys), pair % keys].map((at) => ((at + 0.5) * row - top).toFixed(1));
  const [a, b] = BEND.map((share) => (share * width).toFixed(1));
  return `M0 ${from}C${a} ${from} ${b} ${to} ${width.toFixed(1)} ${to}`;
}

/** How far from its query's height (0) to its key's (1) a line is, at a share of the width. */
export function rise(x: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 20; i++) {
    const t = (low + high) / 2;
    const at = 3 * (1 - t) ** 2 * t * BEND[0] + 3 * (1 - t) * t ** 2 * BEND[1] + t ** 3;
    if (at < x) low = t;
    else high = t;
  }
  return 3 * low ** 2 - 2 * low ** 3;
}

/** The line nearest to a place, at most `reach` rows away; places and reach in rows. */
export function nearestLine(
  pairs: readonly number[],
  keys: number,
  x: number,
  y: number,
  reach: number,
): Pair | null {
  const share = rise(x);
  let nearest: Pair | null = null;
  let least = reach;
  for (const pair of pairs) {
    const [query, key] = [Math.floor(pair / keys), pair % keys];
    const away = Math.abs(query + 0.5 + share * (key - query) - y);
    if (away < least) [nearest, least] = [{ query, key }, away];
  }
  return nearest;
}
