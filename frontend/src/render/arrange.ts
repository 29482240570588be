import type { LayerGroup } from '../run/modules';
import { FOLDED, GAP, type Grid, type Heading, type Numbering, placeRows, type Row } from './layout';

/** Free height above a group of rows: at least this, and this share of all rows, so that its heading has room. */
const FREE = 0.45;
const FREE_SHARE = 0.045;

/** How much larger cells must become for the matrix to be turned: else it would turn with every change of the room. */
const WORTH_TURNING = 1.2;

/** Whether layers had better stand side by side, and heads below one another.
 * @param layers of which cells stand side by side, and `heads` of the longest
 * @param aspect width of the room over its height
 * @param turned whether they do so now */
export function betterTurned(layers: number, heads: number, aspect: number, turned: boolean): boolean {
  const [plain, other] = [Math.min(aspect / heads, 1 / layers), Math.min(aspect / layers, 1 / heads)];
  return other > plain * (turned ? 1 / WORTH_TURNING : WORTH_TURNING);
}

interface ByLayer {
  /** Whether a layer's heads are tiles in a thin row. */
  readonly folded?: (layer: number) => boolean;
  readonly turned?: boolean;
}

/** Layers down and heads across, one group of layers after the other. Rows and columns without a shown head are left
 * out; the others keep their order.
 * @param shown whether a head has a cell, by its number */
export function arrangeByLayer(
  numbering: Numbering,
  groups: readonly LayerGroup[],
  shown: (number: number) => boolean,
  { folded = () => false, turned = false }: ByLayer = {},
): Grid {
  const { heads, first } = numbering;
  const has = (layer: number, head: number) =>
    head < (heads[layer] ?? 0) && shown((first[layer] ?? 0) + head);
  const layers = heads.map((_, layer) => layer);
  const columns = Array.from({ length: Math.max(0, ...heads) }, (_, head) => head).filter((head) =>
    layers.some((layer) => has(layer, head)),
  );
  const filled = groups
    .map(({ title, layers }) => ({
      title,
      layers: layers.filter((layer) => columns.some((head) => has(layer, head))),
    }))
    .filter(({ layers }) => layers.length > 0);
  const named = groups.length > 1;
  const free = Math.max(FREE, FREE_SHARE * filled.reduce((sum, { layers }) => sum + layers.length, 0));
  const rows: Row[] = [];
  const headings: Heading[] = [];
  let top = 0;
  for (const group of filled) {
    if (named) {
      top += free;
      headings.push({ title: group.title, top });
    }
    for (const layer of group.layers) {
      const numbers = Int32Array.from(columns, (head) =>
        has(layer, head) ? (first[layer] ?? 0) + head : -1,
      );
      const thickness = folded(layer) ? FOLDED : 1;
      rows.push({ top, thickness, layer, numbers });
      top += thickness;
    }
  }
  return placeRows(numbering, rows, headings, GAP, turned);
}

/** Heads in reading order, in as many columns as make the cells largest.
 * @param order numbers of the heads that have a cell
 * @param aspect width of the room over its height */
export function arrangeInOrder(numbering: Numbering, order: ArrayLike<number>, aspect: number): Grid {
  const columns = bestColumns(order.length, aspect);
  const rows: Row[] = [];
  for (let start = 0; start < order.length; start += columns) {
    const numbers = Int32Array.from({ length: columns }, (_, column) => order[start + column] ?? -1);
    rows.push({ top: rows.length, thickness: 1, layer: null, numbers });
  }
  return placeRows(numbering, rows);
}

/** In how many columns this many squares fill a room of this aspect best. */
export function bestColumns(count: number, aspect: number): number {
  let best = 1;
  let largest = 0;
  for (let columns = 1; columns <= count; columns++) {
    const side = Math.min(aspect / columns, 1 / Math.ceil(count / columns));
    if (side > largest) [best, largest] = [columns, side];
  }
  return best;
}
