import { everyToken, type TokenIndex, tokenText } from '../run/places';
import type { Term } from './search';

/** Whose points are looked at. */
export type Kinds = 'both' | 'queries' | 'keys';

/** How many queries and keys a head has; query i and key i are token i. */
export interface Sizes {
  readonly queries: number;
  readonly keys: number;
}

export interface Hits {
  /** Tokens of each term, ascending. */
  readonly byTerm: readonly (readonly number[])[];
  /** For each token, the number of the first term that finds it, from 1; 0: none. [tokens] */
  readonly termOf: Uint8Array;
  readonly tokens: number;
  readonly sequences: number;
}

/** @param shown which tokens may be found [tokens]; null: all */
export function findHits(index: TokenIndex, terms: readonly Term[], shown: Uint8Array | null): Hits {
  const byTerm: number[][] = terms.map(() => []);
  const termOf = new Uint8Array(index.tokens);
  const sequences = new Set<number>();
  // A word stands in many places: each is compared once.
  const known = new Map<string, readonly number[]>();
  let tokens = 0;
  everyToken(index).forEach((text, token) => {
    const matched = known.get(text) ?? terms.flatMap(({ matches }, term) => (matches(text) ? [term] : []));
    known.set(text, matched);
    const [first] = matched;
    if (first === undefined || (shown !== null && !shown[token])) return;
    for (const term of matched) byTerm[term]?.push(token);
    termOf[token] = first + 1;
    sequences.add(index.sequence[token] ?? 0);
    tokens++;
  });
  return { byTerm, termOf, tokens, sequences: sequences.size };
}

/** Numbers of the points of these tokens, queries first. */
export function pointsOf(tokens: readonly number[], kinds: Kinds, { queries, keys }: Sizes): number[] {
  return [
    ...(kinds === 'keys' ? [] : tokens.filter((token) => token < queries)),
    ...(kinds === 'queries' ? [] : tokens.filter((token) => token < keys).map((token) => queries + token)),
  ];
}

export interface Word {
  readonly text: string;
  readonly count: number;
}

/** The probe's words, the most frequent first; of equals, the one that comes first. */
export function vocabulary(index: TokenIndex): readonly Word[] {
  const counts = new Map<string, number>();
  for (const token of everyToken(index)) {
    const text = tokenText(token);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count);
}

/** Words for what has been typed: those that begin with it, then those that hold it. */
export function suggest(words: readonly Word[], typed: string, most: number): Word[] {
  const start = typed.replace(/^"|[*"]$/g, '').toLowerCase();
  const begins = (text: string) => text.toLowerCase().startsWith(start);
  const holds = (text: string) => !begins(text) && text.toLowerCase().includes(start);
  const first = words.filter(({ text }) => begins(text)).slice(0, most);
  return [...first, ...words.filter(({ text }) => holds(text)).slice(0, most - first.length)];
}
