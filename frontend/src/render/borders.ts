import { coloursOf, colourTable, hex, mix, type Palette } from './colours';
import type { Rgb } from './picture';

/** Borders that tell a figure: the more of it, the wider and the farther from the surface. Told by lightness and width,
 * not by hue, which is the data's. */

/** Share from which on a cell has more than the plain border: the least ones stay quiet. */
const QUIET = 0.04;
const DARK_INK = hex('#2b4763');
const LIGHT_INK = hex('#d5dde6');

const tables = new WeakMap<Palette, Uint32Array>();

/** Per head: colour and width, RGBA bytes, the width as a share of the widest border. [heads, 4]
 * @param shares in [0, 1]; NaN has the plain border */
export function borderCells(palette: Palette, shares: ArrayLike<number>): Uint8Array {
  const shown = Float64Array.from(shares, (share) => (share > QUIET ? Math.min(1, share) : 0));
  const table = tables.get(palette) ?? colourTable((share) => borderColour(palette, share));
  tables.set(palette, table);
  const borders = coloursOf(table, shown);
  shown.forEach((share, i) => {
    borders[4 * i + 3] = Math.round(255 * share);
  });
  return borders;
}

function borderColour(palette: Palette, share: number): Rgb {
  const [r, g, b] = palette.surface;
  const ink = r + g + b > 1.5 ? DARK_INK : LIGHT_INK;
  return share > 0 ? mix(palette.border, ink, 0.2 + 0.8 * share) : palette.border;
}
