import type { LayerTokens } from './lists';
import { partOf } from './modules';
import type { Layer, Sequence, TokenList } from './types';

/** How the lists of tokens are called on screen, where there are several: as the model's parts that attend among them are,
 * or as what they are of; failing both, what attends across is a decoder's, and what it attends to an encoder's. A list of
 * patches is called by its size where there are other grids.
 * @param sequence any of the probe's */
export function listTitles(
  lists: readonly TokenList[],
  layers: readonly Layer[],
  sequence: Sequence | undefined,
): readonly string[] {
  const own = wordOf(layers, 'tokens');
  const other = wordOf(layers, 'key_tokens');
  const kinds = [sequence?.kind, sequence?.key_tokens?.kind];
  const [first, second] = !lists.some(({ of }) => of === 'key_tokens')
    ? ['', '']
    : own && other && own !== other
      ? [own, other]
      : kinds[0] && kinds[1] && kinds[0] !== kinds[1]
        ? kinds
        : layers.some(({ attends }) => attends === 'cross')
          ? ['decoder', 'encoder']
          : ['own', 'key'];
  const gridded = lists.some(({ grid }) => grid);
  return lists.map((list) => {
    const entry = list.of === 'tokens' ? sequence : sequence?.key_tokens;
    const grid = list.grid ?? (gridded ? entry?.grid : null);
    const isWhole = grid?.rows === 1 && grid.columns === 1;
    const what = isWhole ? 'whole sequences' : grid ? `${grid.rows} × ${grid.columns} patches` : 'tokens';
    const side = list.of === 'tokens' ? first : second;
    return side ? `${side} ${what}` : what;
  });
}

/** What a layer's attention leads from and to, in words. */
export function attentionTitle(
  layer: Layer,
  { queries, keys }: LayerTokens,
  lists: readonly TokenList[],
  titles: readonly string[],
): string {
  const [from = '', to = ''] = [queries, keys].map((list) => titles[lists.indexOf(list)]);
  if (queries === keys) return `self-attention among ${from}`;
  return `${layer.attends}-attention: ${from} attend to ${to}`;
}

/** The part of the model whose layers attend among these tokens; empty if there are several, or it has no name. */
function wordOf(layers: readonly Layer[], of: TokenList['of']): string {
  const among = layers.filter((layer) => layer.queries_of === of).map(partOf);
  for (const key of ['side', 'tower'] as const) {
    const words = new Set(among.map((part) => part[key]));
    const [word] = words;
    if (words.size === 1 && word) return word.toLowerCase();
  }
  return '';
}
