import { valueOfCode } from '../render/maps';
import type { NamedHead } from '../run/findings';
import type { Layer, OwnGrid, SmallMaps } from '../run/types';
import type { CellMaps } from './cell_maps.svelte';

/** What a small map says of a head, in words. */

/** Attention on one distance that is worth telling, of all; on patches: so many times what each would get alike. */
const WORTH = 0.1;
const TIMES = 3;
/** Distances that are told at most. */
const TOLD = 2;
/** Distances beyond this share of the longest text are those of few queries: what is far back is the first token. */
const FAR = 0.5;
/** What gets less than the first token is it, as queries further on see it: beyond this distance in tokens, unless it has
 * so many times what the distances beside it have, and beyond this share of the longest text whatever they have. */
const OF_THE_FIRST = { tokens: 2, times: 2, share: 0.25 };

/** Kinds that are one distance, in tokens. */
const DISTANCES: Readonly<Record<string, number>> = { previous: -1, next: 1, self: 0 };

const KINDS: Readonly<Record<string, string>> = {
  text: 'texts',
  repeated: 'repeated texts',
  named: 'best for each head',
};

/** Sequences that maps are means over: "texts", which are "ordinary texts" where there are repeated ones too, or
 * "8 × 8 patches"; "best for each head": of each head those that show what it is called. */
export function kindTitle(kind: string, { kinds }: Pick<CellMaps, 'kinds'>): string {
  const ordinary = kind === 'text' && kinds.includes('repeated');
  return `${ordinary ? 'ordinary ' : ''}${KINDS[kind] ?? `${kind} patches`}`;
}

export interface Told {
  /** Mean attention by distance, itself in the middle. [heads, rows, columns] */
  readonly offsets: SmallMaps;
  readonly head: number;
  /** Mean attention on the first token; NaN where it is not known. */
  readonly first: number;
  /** Of how many queries that is the mean; null: of all. */
  readonly ofFirstQueries: number | null;
  readonly pictured: boolean;
  /** Whose head it is. */
  readonly layer: Layer | undefined;
  /** Attention by distance that is known more exactly than by 8 bits: by rows and columns from the middle. */
  readonly exact: ReadonlyMap<string, number>;
}

/** Where the words about a head come from. */
type Maps = Pick<
  CellMaps,
  'pair' | 'current' | 'offsetsOf' | 'onFirst' | 'ofFirstQueries' | 'pictured' | 'kinds' | 'kindOf'
>;

/** What the map that stands in a head's cell says, and of which sequences it is a mean, where there are several kinds: "In ordinary texts: 83 % of
 * its attention 1 token back"; null while it is not of the shown step. */
export function toldOf(
  cellMaps: Maps,
  head: number,
  layer: Layer | undefined,
  named: NamedHead | null,
): string | null {
  const { pair, current, pictured, ofFirstQueries, kinds } = cellMaps;
  const [offsets, kind] = [cellMaps.offsetsOf(head), cellMaps.kindOf(head)];
  if (!offsets || !current || !pair) return null;
  const first = cellMaps.onFirst(pair.toMaps)?.[head] ?? Number.NaN;
  const exact = exactly(cellMaps, head, named, pair.toMaps);
  const words = mapWords({ offsets, head, first, ofFirstQueries, pictured, layer, exact });
  return kind === null || kinds.length < 2 ? words : `In ${kindTitle(kind, cellMaps)}: ${words}`;
}

/** What findings tell of the same texts and step. */
function exactly(
  cellMaps: Maps,
  head: number,
  named: NamedHead | null,
  step: number,
): ReadonlyMap<string, number> {
  const { kinds, pictured } = cellMaps;
  const found = new Map<string, number>();
  for (const { kind, value, at, offset } of named?.findings ?? []) {
    if (value === null || at !== step) continue;
    const distance = kinds.length < 2 && !pictured ? DISTANCES[kind] : undefined;
    if (distance !== undefined) found.set(`0 ${distance}`, value);
    if (kind === 'fixed' && cellMaps.kindOf(head) === 'text') found.set(`0 ${offset}`, value);
    if (kind === 'patch' && kinds.length < 2 && Array.isArray(offset)) found.set(offset.join(' '), value);
  }
  return found;
}

/** "83 % of its attention 1 token back". */
export function mapWords({ offsets, head, first, ofFirstQueries, pictured, layer, exact }: Told): string {
  const [, rows = 0, columns = 0] = offsets.shape;
  const codes = offsets.data.subarray(head * rows * columns, (head + 1) * rows * columns);
  if (!codes.some(Boolean)) return withoutDistances(layer) ?? 'no map: it was not finite at this step';
  const [middleRow, middleColumn] = [(rows - 1) / 2, (columns - 1) / 2];
  const alike = 4 / ((rows + 1) * (columns + 1)); // a share for each patch
  const longest = (columns + 1) / 2;
  const near = Array.from(codes, (code, at) => ({ code, at })).filter(({ code, at }) => {
    const away = Math.abs((at % columns) - middleColumn);
    const value = valueOfCode(code);
    if (pictured || !(first > value)) return pictured || away <= FAR * longest;
    const beside = Math.max(...[at - 1, at + 1].map((next) => valueOfCode(codes[next] ?? 0) || 0));
    const stands = away <= OF_THE_FIRST.tokens || value >= OF_THE_FIRST.times * beside;
    return stands && away <= OF_THE_FIRST.share * longest;
  });
  const found = near.map(({ code, at }) => {
    const [down, right] = [Math.floor(at / columns) - middleRow, (at % columns) - middleColumn];
    return {
      value: exact.get(`${down} ${right}`) ?? valueOfCode(code),
      words: pictured ? patchesAway(down, right) : tokensAway(right),
    };
  });
  const those = ofFirstQueries === null ? '' : ` (of the first ${ofFirstQueries} queries)`;
  if (!pictured && first > 0) found.push({ value: first, words: `on the first token${those}` });
  const told = found
    .filter(({ value }) => value >= (pictured ? Math.max(0.01, TIMES * alike) : WORTH))
    .sort((a, b) => b.value - a.value)
    .slice(0, TOLD);
  if (told.length === 0)
    return pictured ? 'broad: no direction stands out' : 'broad: no distance has 10 % of its attention';
  const [most, next] = told;
  // Of over 100 % together some is told twice: the token before may be the first.
  const also = most && next && most.value + next.value <= 1 ? `, ${percent(next.value)} ${next.words}` : '';
  return `${percent(most?.value ?? 0)} of its attention ${most?.words}${also}`;
}

/** Why keys of this layer have no distance from a query; null where they have. */
export function withoutDistances(layer: Layer | undefined): string | null {
  if (!layer) return null;
  const { queries_of, keys_of, query_grid, key_grid } = layer;
  if (queries_of !== keys_of)
    return 'no distances: its queries are tokens of one side, its keys of the other';
  if (query_grid && query_grid.rows * query_grid.columns === 1)
    return 'no distances: one query stands for the whole sequence';
  const size = (grid: OwnGrid | null) => grid && `${grid.rows} × ${grid.columns}`;
  return size(query_grid) === size(key_grid)
    ? null
    : 'no distances: queries and keys are patches of two sizes';
}

/** A share as 8 bits tell it: what is not all may be the greatest code, too. */
function percent(value: number): string {
  const rounded = Math.round(100 * value);
  return rounded === 100 ? '>99 %' : `${rounded} %`;
}

export function tokensAway(offset: number): string {
  if (offset === 0) return 'on itself';
  const count = Math.abs(offset);
  return `${count} token${count === 1 ? '' : 's'} ${offset < 0 ? 'back' : 'ahead'}`;
}

export function patchesAway(down: number, right: number): string {
  if (down === 0 && right === 0) return 'on the patch itself';
  const part = (count: number, noun: string, less: string, more: string) =>
    count === 0
      ? []
      : [`${Math.abs(count)} ${noun}${Math.abs(count) === 1 ? '' : 's'} ${count < 0 ? less : more}`];
  return [...part(down, 'row', 'up', 'down'), ...part(right, 'column', 'left', 'right')].join(', ');
}
