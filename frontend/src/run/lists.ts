import type { Layer, OwnGrid, Run, TokenList, TokensOf } from './types';

/** Which tokens the layers of a run attend from and to.
 *
 * Most models have one list of them. Others have the tokens of a second side (a decoder's encoder), or grids of their own
 * over the same image. All lists are numbered together, one after the other, so that a number means the same token
 * in every head: its query is the point of this number, its key the point of `run.queries` more. */

/** The part of the numbering that a layer has. */
export interface LayerTokens {
  readonly queries: TokenList;
  readonly keys: TokenList;
}

/** A token by its place: a list, by its number, and the position in a sequence; as a query, or as a key. */
export interface TokenAt {
  readonly sequence: number;
  readonly list: number;
  readonly token: number;
  readonly side: 'query' | 'key';
}

/** The lists of a run as the server describes it: the probe's own tokens first, then their other sides, then grids. */
export function listsOf({ queries, layers }: Run): readonly TokenList[] {
  const found = new Map<string, Omit<TokenList, 'first'>>();
  found.set(nameOf('tokens', null), { of: 'tokens', grid: null, tokens: queries });
  const sides = layers.flatMap((layer) => [
    { of: layer.queries_of, grid: layer.query_grid, tokens: layer.queries },
    { of: layer.keys_of, grid: layer.key_grid, tokens: layer.keys },
  ]);
  for (const side of [...sides.filter(({ grid }) => !grid), ...sides.filter(({ grid }) => grid)]) {
    const name = nameOf(side.of, side.grid);
    if (!found.has(name)) found.set(name, side);
  }
  let first = 0;
  return [...found.values()].map((list) => {
    const placed = { ...list, first };
    first += list.tokens;
    return placed;
  });
}

/** How links name a list: `tokens`, `key_tokens`, `tokens-28x28`, `tokens-28x28+1` with a special token. */
export function listName(list: TokenList | undefined): string {
  return list ? nameOf(list.of, list.grid) : '';
}

/** The lists that a run has: one, unless its layers differ. */
export function runLists({ lists, queries }: Pick<Run, 'lists' | 'queries'>): readonly TokenList[] {
  return lists ?? [{ of: 'tokens', grid: null, first: 0, tokens: queries }];
}

export function layerTokens(lists: readonly TokenList[], layer: Layer): LayerTokens {
  const [own] = lists;
  if (!own) throw new Error('A run has one list of tokens at least.');
  const find = (name: string) => lists.find((list) => listName(list) === name) ?? own;
  return {
    queries: find(nameOf(layer.queries_of, layer.query_grid)),
    keys: find(nameOf(layer.keys_of, layer.key_grid)),
  };
}

/** A point's number among a layer's own queries, then keys; null where the layer has it not.
 * @param point its number among `total` queries, then as many keys, of all lists */
export function ownPoint({ queries, keys }: LayerTokens, total: number, point: number): number | null {
  const isKey = point >= total;
  const { first, tokens } = isKey ? keys : queries;
  const at = (isKey ? point - total : point) - first;
  if (at < 0 || at >= tokens) return null;
  return isKey ? queries.tokens + at : at;
}

/** Whether a layer has this token, as a query or as a key. */
export function holds({ queries, keys }: LayerTokens, token: number): boolean {
  return [queries, keys].some(({ first, tokens }) => token >= first && token < first + tokens);
}

/** What a selection means in a layer: the same token, on its other side if it is only there, or else the first token of
 * the same sequence. */
export function selectedIn<T extends TokenAt>(
  lists: readonly TokenList[],
  tokens: LayerTokens,
  selection: T,
): T {
  const chosen = lists[selection.list];
  const own = selection.side === 'query' ? tokens.queries : tokens.keys;
  if (chosen === own) return selection;
  const [side, other] =
    selection.side === 'query' ? (['key', tokens.keys] as const) : (['query', tokens.queries] as const);
  if (chosen === other) return { ...selection, side };
  return { ...selection, list: lists.indexOf(own), token: 0 };
}

function nameOf(of: TokensOf, grid: OwnGrid | null): string {
  return grid ? `${of}-${grid.rows}x${grid.columns}${grid.special ? `+${grid.special}` : ''}` : of;
}
