import { sequenceOf, type TokenIndex, tokenAt, tokenText } from '../run/places';

/** A found token in its context. Its query, its key, or both were found. */
export interface Line {
  readonly token: number;
  readonly list: number;
  readonly sequence: number;
  readonly position: number;
  readonly text: string;
  readonly query: boolean;
  readonly key: boolean;
}

export type LineOrder = 'sequence' | 'token';

/** The lines of these points.
 * @param points numbers among a head's queries, then keys
 * @param queries how many queries a head has */
export function linesOf(
  index: TokenIndex,
  points: readonly number[],
  queries: number,
  order: LineOrder,
): readonly Line[] {
  const asQuery = new Set(points.filter((point) => point < queries));
  const asKey = new Set(points.filter((point) => point >= queries).map((point) => point - queries));
  const tokens = [...new Set([...asQuery, ...asKey])].sort((a, b) => a - b);
  const lines = tokens.map((token) => ({
    token,
    list: index.list[token] ?? 0,
    sequence: index.sequence[token] ?? 0,
    position: index.position[token] ?? 0,
    text: tokenText(tokenAt(index, token)),
    query: asQuery.has(token),
    key: asKey.has(token),
  }));
  if (order === 'sequence') return lines;
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return lines.sort((a, b) => compare(a.text, b.text) || a.token - b.token);
}

/** So many tokens of its sequence before and behind it. */
export function contextOf(index: TokenIndex, { token, position }: Line, around: number): [string, string] {
  const tokens = sequenceOf(index, token)?.tokens ?? [];
  const join = (from: number, to: number) => tokens.slice(Math.max(0, from), to).map(tokenText).join(' ');
  return [join(position - around, position), join(position + 1, position + 1 + around)];
}

/** The lines as a table for a spreadsheet: columns parted by tabs, under their names.
 * @param titles what the lists of tokens are called; none where there is one */
export function asTable(
  index: TokenIndex,
  lines: readonly Line[],
  around: number,
  titles: readonly string[],
): string {
  const several = titles.length > 0;
  const rows = lines.map((line) => {
    const [before, after] = contextOf(index, line, around);
    const of = several ? [titles[line.list] ?? ''] : [];
    return [line.sequence, ...of, line.position, kindOf(line), line.text, before, after].join('\t');
  });
  const names = ['sequence', ...(several ? ['of'] : []), 'position', 'kind', 'token', 'before', 'after'];
  return [names.join('\t'), ...rows, ''].join('\n');
}

export function kindOf({ query, key }: Line): string {
  return query && key ? 'query, key' : query ? 'query' : 'key';
}
