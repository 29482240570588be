import { gridOf } from '../run/grids';
import type { MapPart, Sequence, SmallMaps } from '../run/types';
import { attention, type SyntheticHead } from './synthetic_head';

const MOST = 32; // positions along a side of a small map

/** Small maps of made-up heads, as the server has them.
 * @param sequences of one kind */
export function syntheticMaps(
  heads: readonly { readonly head: SyntheticHead; readonly formed: number }[],
  sequences: readonly Sequence[],
  part: MapPart,
): SmallMaps {
  const longest = sequences.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  const patches = gridOf(sequences[0]);
  const [rows, columns] = sides(part, longest, patches?.grid ?? null);
  const data = new Uint8Array(heads.length * rows * columns);
  heads.forEach(({ head, formed }, number) => {
    const total = new Float64Array(rows * columns);
    const count = new Float64Array(rows * columns);
    for (const sequence of sequences) {
      const n = sequence.tokens.length;
      const weights = attention(head, formed, sequence);
      const places = gridOf(sequence)?.places ?? null;
      for (let query = 0; query < n; query++) {
        for (let key = 0; key < n; key++) {
          const [at, of] = entry(part, query, key, n, places, rows, columns);
          if (at === null || (part === 'offsets' && key > query)) continue;
          total[at] = (total[at] ?? 0) + (weights[query * n + key] ?? 0);
          count[at] = (count[at] ?? 0) + of;
        }
      }
    }
    total.forEach((sum, at) => {
      const of = count[at] ?? 0;
      if (of > 0) data[number * rows * columns + at] = 1 + Math.round(254 * Math.sqrt(Math.min(1, sum / of)));
    });
  });
  return { shape: [heads.length, rows, columns], data };
}

function sides(
  part: MapPart,
  longest: number,
  grid: { readonly rows: number; readonly columns: number } | null,
): readonly [number, number] {
  if (part === 'received') return [grid?.rows ?? 0, grid?.columns ?? 0];
  if (part !== 'offsets') return [Math.min(MOST, longest), Math.min(MOST, longest)];
  return grid ? [2 * grid.rows - 1, 2 * grid.columns - 1] : [1, 2 * longest - 1];
}

/** Where a pair counts, and for how much of a mean. */
function entry(
  part: MapPart,
  query: number,
  key: number,
  n: number,
  places: readonly (readonly [number, number] | null)[] | null,
  rows: number,
  columns: number,
): readonly [number | null, number] {
  if (part === 'first') return [query < rows && key < columns ? query * columns + key : null, 1];
  if (part === 'pooled') {
    const [a, b] = [query, key].map((at) => Math.floor((at * rows) / n)) as [number, number];
    return [a * columns + b, rows / n];
  }
  if (!places) return [part === 'offsets' ? (columns - 1) / 2 + key - query : null, 1];
  const [from, to] = [places[query], places[key]];
  if (part === 'received') return [to ? to[0] * columns + to[1] : null, 1];
  if (!from || !to) return [null, 1];
  return [((rows - 1) / 2 + to[0] - from[0]) * columns + (columns - 1) / 2 + to[1] - from[1], 1];
}
