import { hex } from './colours';
import type { Rgb } from './picture';

/** The hues of a search's terms, six that colour-blind eyes tell apart (Okabe and Ito's, and black or white), none of them
 * the queries' green or the keys' pink. */
export const HIT_HUES: Readonly<Record<'light' | 'dark', readonly Rgb[]>> = {
  light: ['#d55e00', '#0072b2', '#e0a000', '#000000', '#4fb3e8', '#8a7a00'].map(hex),
  dark: ['#ff8a4c', '#4aa3ff', '#ffd23f', '#ffffff', '#8fdcff', '#b3a530'].map(hex),
};

/** Gives the hits among a scene's `styles` the hue of their term and lights them; those that are marked too are larger.
 * @param termOf per point the number of the term that found it, from 1; 0: none. [queries + keys] */
export function lightHits(
  styles: Uint8Array,
  termOf: Uint8Array,
  hues: readonly Rgb[],
  marked: ReadonlySet<number> | null,
): void {
  termOf.forEach((term, point) => {
    const hue = hues[term - 1];
    if (!hue) return;
    const large = marked?.has(point) || styles[4 * point + 3] === 3;
    const level = large ? 5 : 4;
    styles.set([...hue.map((x) => Math.round(255 * x)), level], 4 * point);
  });
}
