import type { Probe, Sequence } from '../api/types';
import type { TokenPlaces } from '../render/colours';

/** The probe's tokens, counted over all sequences: query i and key i of a head are token i. */
export interface TokenIndex extends TokenPlaces {
  readonly sequences: readonly Sequence[];
  /** Number of each sequence's first token. */
  readonly first: readonly number[];
  readonly tokens: number;
}

export function indexTokens(probe: Probe): TokenIndex {
  const first: number[] = [];
  let tokens = 0;
  for (const sequence of probe.sequences) {
    first.push(tokens);
    tokens += sequence.tokens.length;
  }
  const sequence = new Int32Array(tokens);
  const position = new Int32Array(tokens);
  probe.sequences.forEach((entry, s) => {
    for (let i = 0; i < entry.tokens.length; i++) {
      sequence[(first[s] ?? 0) + i] = s;
      position[(first[s] ?? 0) + i] = i;
    }
  });
  const longest = Math.max(1, ...probe.sequences.map((entry) => entry.tokens.length));
  return { sequences: probe.sequences, first, tokens, sequence, position, longest };
}

/** A token as people read it: word-start marks of byte-level BPE and SentencePiece go, bare white space shows. */
export function tokenText(token: string): string {
  const spaced = token.replace(/^[Ġ▁]/u, ' ').replace(/Ċ/gu, '\n').replace(/ĉ/gu, '\t');
  const text = spaced.length > 1 && spaced.startsWith(' ') && spaced.trim() !== '' ? spaced.slice(1) : spaced;
  if (text === '') return '∅';
  return text
    .replace(/\n/g, '↵')
    .replace(/\t/g, '⇥')
    .replace(/^ +$/, (run) => '␠'.repeat(run.length));
}

/** The points of a sequence, the selected token's own ones last, so that these are drawn on top. */
export function litPoints(
  index: TokenIndex | null,
  selection: { readonly sequence: number; readonly token: number } | null,
  queries: number,
): number[] {
  const length = selection ? index?.sequences[selection.sequence]?.tokens.length : undefined;
  if (!index || !selection || length === undefined) return [];
  const first = index.first[selection.sequence] ?? 0;
  const points: number[] = [];
  for (let i = 0; i < length; i++) if (i !== selection.token) points.push(first + i, queries + first + i);
  points.push(first + selection.token, queries + first + selection.token);
  return points;
}
