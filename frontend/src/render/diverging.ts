import { coloursOf, colourTable, hex, mix, type Palette } from './colours';
import type { Rgb } from './picture';

/** Orange for less and blue for more, as the tint and the weights are bluer for more: told apart by every colour-blind eye,
 * and light enough for points to lie on. */
const ENDS = {
  light: { less: hex('#f4b878'), more: hex('#8cbbec') },
  dark: { less: hex('#84501f'), more: hex('#28598a') },
} as const;

/** @param share −1: all less, 0: the same, 1: all more; NaN keeps the surface */
export function divergingColour({ surface }: Palette, dark: boolean, share: number): Rgb {
  if (!Number.isFinite(share)) return surface;
  const { less, more } = dark ? ENDS.dark : ENDS.light;
  return mix(surface, share < 0 ? less : more, Math.min(1, Math.abs(share)));
}

const tables = new WeakMap<Palette, Uint32Array>();

/** A scene's `tints` for values that are spread around 0, [heads, 4]. */
export function divergingTints(
  palette: Palette,
  dark: boolean,
  values: Float64Array,
  most: number,
): Uint8Array {
  const table = tables.get(palette) ?? colourTable((share) => divergingColour(palette, dark, 2 * share - 1));
  tables.set(palette, table);
  return coloursOf(
    table,
    values.map((value) => (value / most + 1) / 2),
  );
}
