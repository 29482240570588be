import { type TokenIndex, tokenAt, tokenText } from './places';

/** Which tokens a group of points is made of. */
interface Summary {
  readonly queries: number;
  readonly keys: number;
  /** The most frequent first; of equals, the one that comes first in the probe. */
  readonly words: readonly { readonly text: string; readonly count: number }[];
}

/** @param points numbers among a head's queries, then keys */
export function summarise(index: TokenIndex, points: readonly number[], queries: number): Summary {
  const counts = new Map<string, number>();
  let inQueries = 0;
  for (const point of points) {
    if (point < queries) inQueries++;
    const text = tokenText(tokenAt(index, point < queries ? point : point - queries));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const words = [...counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count);
  return { queries: inQueries, keys: points.length - inQueries, words };
}

/** The points of every token that reads the same. */
export function pointsOfWord(index: TokenIndex, text: string, queries: number): number[] {
  const tokens = Array.from({ length: index.tokens }, (_, token) => token).filter(
    (token) => tokenText(tokenAt(index, token)) === text,
  );
  return [...tokens, ...tokens.map((token) => queries + token)];
}
