import { hex, mix, type Palette } from './colours';

/** Borders that tell a figure: the more of it, the wider and the farther from the surface. Told by lightness and width,
 * not by hue, which is the data's. */

/** Share from which on a cell has more than the plain border: the least ones stay quiet. */
const QUIET = 0.04;
const DARK_INK = hex('#2b4763');
const LIGHT_INK = hex('#d5dde6');

/** Per head: colour and width, RGBA bytes, the width as a share of the widest border. [heads, 4]
 * @param shares in [0, 1]; NaN has the plain border */
export function borderCells(palette: Palette, shares: ArrayLike<number>): Uint8Array {
  const [r, g, b] = palette.surface;
  const ink = r + g + b > 1.5 ? DARK_INK : LIGHT_INK;
  const borders = new Uint8Array(4 * shares.length);
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i] ?? Number.NaN;
    const shown = share > QUIET ? Math.min(1, share) : 0;
    const colour = shown === 0 ? palette.border : mix(palette.border, ink, 0.2 + 0.8 * shown);
    borders.set([...colour.map((x) => Math.round(255 * x)), Math.round(255 * shown)], 4 * i);
  }
  return borders;
}
