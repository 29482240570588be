import { visible } from '../base/visible';
import type { OwnGrid, Probe, Sequence, TokenList, TokensOf } from './types';

export interface TokenPlaces {
  readonly list: Int32Array; // [tokens]
  readonly sequence: Int32Array; // [tokens]
  readonly position: Int32Array; // [tokens]
  readonly longest: number;
}

/** The tokens of one list, sequence by sequence. */
interface ListedTokens {
  readonly of: TokensOf;
  /** As the probe has them; the patches of a grid of its own, named by their row and column. */
  readonly sequences: readonly Sequence[];
  /** Number of each sequence's first token among all lists. */
  readonly first: readonly number[];
  /** Of the longest sequence. */
  readonly longest: number;
}

/** The tokens that layers attend from and to, counted over all lists and sequences: query i and key i of a head are token i. */
export interface TokenIndex extends TokenPlaces {
  /** The probe's, with their own tokens. */
  readonly sequences: readonly Sequence[];
  /** In most runs one: the probe's own tokens. */
  readonly lists: readonly ListedTokens[];
  readonly tokens: number;
}

/** @param lists of the run; without them, the probe's own tokens alone */
export function indexTokens(probe: Probe, lists?: readonly TokenList[]): TokenIndex {
  let tokens = 0;
  let longest = 1;
  const listed = (lists ?? [{ of: 'tokens', grid: null } as const]).map(({ of, grid }): ListedTokens => {
    const sequences = probe.sequences.map((entry) => {
      const side = of === 'tokens' ? entry : (entry.key_tokens ?? NONE);
      return grid ? patchesOf(side, grid) : side;
    });
    const first: number[] = [];
    for (const sequence of sequences) {
      first.push(tokens);
      tokens += sequence.tokens.length;
    }
    const most = sequences.reduce((most, sequence) => Math.max(most, sequence.tokens.length), 1);
    longest = Math.max(longest, most);
    return { of, sequences, first, longest: most };
  });
  const [list, sequence, position] = [new Int32Array(tokens), new Int32Array(tokens), new Int32Array(tokens)];
  listed.forEach(({ sequences, first }, l) => {
    sequences.forEach((entry, s) => {
      for (let i = 0; i < entry.tokens.length; i++) {
        const token = (first[s] ?? 0) + i;
        list[token] = l;
        sequence[token] = s;
        position[token] = i;
      }
    });
  });
  return { sequences: probe.sequences, lists: listed, tokens, list, sequence, position, longest };
}

/** The sequence that a token stands in, as its list has it. */
export function sequenceOf(index: TokenIndex, token: number): Sequence | undefined {
  return index.lists[index.list[token] ?? 0]?.sequences[index.sequence[token] ?? 0];
}

/** A token as the tokenizer writes it. */
export function tokenAt(index: TokenIndex, token: number): string {
  return sequenceOf(index, token)?.tokens[index.position[token] ?? 0] ?? '';
}

/** The row and column of a patch on its sequence's grid; null of what is none. */
export function patchAt(index: TokenIndex, token: number): readonly [number, number] | null {
  return sequenceOf(index, token)?.places?.[index.position[token] ?? 0] ?? null;
}

/** Every token, as the tokenizer writes it. [tokens] */
export function everyToken({ lists }: TokenIndex): string[] {
  return lists.flatMap(({ sequences }) => sequences.flatMap(({ tokens }) => tokens));
}

/** The number of a token by its place; null where there is none. */
export function numberOf(
  index: TokenIndex,
  { list, sequence, token }: { readonly list: number; readonly sequence: number; readonly token: number },
): number | null {
  const listed = index.lists[list];
  const length = listed?.sequences[sequence]?.tokens.length ?? 0;
  return listed && token < length ? (listed.first[sequence] ?? 0) + token : null;
}

/** The token of another list at the same place of the same image; 0 where one of them has no place. */
export function counterpart(
  index: TokenIndex,
  from: { readonly list: number; readonly sequence: number; readonly token: number },
  list: number,
): number {
  const [own, other] = [index.lists[from.list], index.lists[list]].map(
    (each) => each?.sequences[from.sequence],
  );
  const place = own?.places?.[from.token];
  if (!place || !own?.grid || !other?.grid || index.lists[from.list]?.of !== index.lists[list]?.of) return 0;
  const row = Math.floor(((place[0] + 0.5) * other.grid.rows) / own.grid.rows);
  const column = Math.floor(((place[1] + 0.5) * other.grid.columns) / own.grid.columns);
  const found = other.places?.findIndex((at) => at?.[0] === row && at[1] === column) ?? -1;
  return Math.max(0, found);
}

/** Stands for a side that a sequence has not. */
const NONE: Sequence = { kind: 'text', tokens: [], repeat: null };

/** An image as a grid of other patches than those of its own tokens; a text, which has none, as a whole. */
function patchesOf(sequence: Sequence, grid: OwnGrid): Sequence {
  const { kind, image, grid_labels } = sequence;
  if (kind !== 'image' && !sequence.grid && grid.rows * grid.columns === 1)
    return { kind, tokens: ['[whole]'], repeat: null };
  const special = specialOf(sequence, grid.special ?? 0);
  const patches = Array.from(
    { length: grid.rows * grid.columns },
    (_, i) => [Math.floor(i / grid.columns), i % grid.columns] as const,
  );
  const named = patches.length === 1 ? ['[whole]'] : patches.map(([row, column]) => `r${row}c${column}`);
  const tokens = [...special, ...named];
  const places = [...special.map(() => null), ...patches];
  const own = grid_labels?.find(({ rows, columns }) => rows === grid.rows && columns === grid.columns);
  const labels = Object.fromEntries(
    Object.entries(own?.labels ?? {}).map(([name, values]) => [name, [...special.map(() => ''), ...values]]),
  );
  return { kind, tokens, repeat: null, labels, grid, places, image: image ?? null };
}

/** What the special tokens of a layer's own grid are called: as the probe's own, where these are as many. */
function specialOf({ tokens, grid }: Sequence, count: number): readonly string[] {
  const own = grid ? tokens.slice(0, tokens.length - grid.rows * grid.columns) : [];
  return own.length === count ? own : Array.from({ length: count }, (_, i) => `[special ${i + 1}]`);
}

/** A token as people read it: word-start marks of byte-level BPE and SentencePiece go, bare white space and what is no
 * character show. */
export function tokenText(token: string): string {
  const spaced = token.replace(/^[Ġ▁]/u, ' ').replace(/Ċ/gu, '\n').replace(/ĉ/gu, '\t');
  const text = spaced.length > 1 && spaced.startsWith(' ') && spaced.trim() !== '' ? spaced.slice(1) : spaced;
  if (text === '') return '∅';
  return visible(text)
    .replace(/\n/g, '↵')
    .replace(/\t/g, '⇥')
    .replace(/^ +$/, (run) => '␠'.repeat(run.length));
}

/** The points of a sequence in all lists, the selected token's own ones last, so that these are drawn on top. */
export function litPoints(
  index: TokenIndex | null,
  selection: { readonly list: number; readonly sequence: number; readonly token: number } | null,
  queries: number,
): number[] {
  const chosen = index && selection && numberOf(index, selection);
  if (!index || !selection || chosen === null) return [];
  const points: number[] = [];
  for (const { sequences, first } of index.lists) {
    const start = first[selection.sequence] ?? 0;
    const length = sequences[selection.sequence]?.tokens.length ?? 0;
    for (let token = start; token < start + length; token++) {
      if (token !== chosen) points.push(token, queries + token);
    }
  }
  points.push(chosen, queries + chosen);
  return points;
}
