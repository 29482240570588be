import type { Pair } from './weights';

/** The two sides of attention: it goes from queries to keys. */
export type Side = 'query' | 'key';

export interface TokenPlace {
  readonly side: Side;
  readonly token: number;
}

export function otherSide(side: Side): Side {
  return side === 'query' ? 'key' : 'query';
}

/** The pair that is pointed at; what is missing of it is the selected token, on its own side, or on both where these have
 * the same tokens, and else the first one. */
export function pairFrom(
  pointed: Pair | null,
  selected: TokenPlace | null,
  { query, key }: Readonly<Record<Side, unknown>>,
): { readonly query: number; readonly key: number } {
  const own = (side: Side) => (selected && (query === key || selected.side === side) ? selected.token : 0);
  return { query: pointed?.query ?? own('query'), key: pointed?.key ?? own('key') };
}

/** What is pointed at, if there is such a token, or pair, among those that are shown now: a shorter sequence may have come
 * under a resting pointer. */
export function among<Place extends TokenPlace | Pair>(
  place: Place | null,
  sides: Readonly<Record<Side, { readonly tokens: readonly unknown[] }>>,
): Place | null {
  if (place === null) return null;
  const pair: Pair = 'side' in place ? { query: null, key: null, [place.side]: place.token } : place;
  const has = (side: Side) => pair[side] === null || pair[side] < sides[side].tokens.length;
  return has('query') && has('key') ? place : null;
}
