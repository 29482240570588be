import type { Pair } from './weights';

/** Where a heat map's cells lie on its sheet, in css pixels: its labels above and to the left, then a square a pair. */

/** How many tokens there are on each side. */
export interface Extent {
  readonly queries: number;
  readonly keys: number;
}

export interface Sheet {
  readonly cell: number;
  /** Room of the labels. */
  readonly left: number;
  readonly top: number;
  /** Whether there is room for the tokens' own words, not only for numbers. */
  readonly words: boolean;
}

/** The least cell beside which a word can be read. */
const READABLE = 9;
const LARGEST = 28;
/** A pair is less than a pixel then: neighbours melt, but the shape of a long sentence is seen. */
const SMALLEST = 0.25;
const NUMBERS = 26;

/** @param zoom css pixels of a cell; null: as large as lets the whole map be seen */
export function sheetOf(
  width: number,
  height: number,
  { queries, keys }: Extent,
  longest: number,
  zoom: number | null,
): Sheet {
  const words = Math.max(NUMBERS, Math.min(88, 0.3 * width, 10 + 6.2 * longest));
  const whole = (room: number) =>
    Math.max(SMALLEST, Math.min(LARGEST, (width - room) / keys, (height - room) / queries));
  if ((zoom ?? whole(words)) >= READABLE)
    return { cell: zoom ?? whole(words), left: words, top: words, words: true };
  // A map that is too small for words beside it may grow into their room, but not so far that they would fit again.
  return {
    cell: Math.min(zoom ?? whole(NUMBERS), READABLE - 0.01),
    left: NUMBERS,
    top: NUMBERS,
    words: false,
  };
}

export function zoomed(cell: number, factor: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, cell * factor));
}

/** Of how many tokens one gets a label. */
export function labelEvery({ cell, words }: Sheet, tokens: number): number {
  if (words) return 1;
  return [1, 2, 5, 10, 20, 50, 100, 200].find((every) => every * cell >= 24) ?? tokens;
}

/** The pair under a place on the sheet; a label counts as its token. */
export function pairAt(sheet: Sheet, { queries, keys }: Extent, x: number, y: number): Pair | null {
  const query = y < sheet.top ? null : Math.floor((y - sheet.top) / sheet.cell);
  const key = x < sheet.left ? null : Math.floor((x - sheet.left) / sheet.cell);
  if ((query ?? 0) >= queries || (key ?? 0) >= keys || (query === null && key === null)) return null;
  return { query, key };
}

/** How many maps stand beside each other, so that each of them is as large as can be. */
export function columnsOf(maps: number, width: number, height: number): number {
  const side = (columns: number) => Math.min(width / columns, height / Math.ceil(maps / columns));
  return Array.from({ length: maps }, (_, i) => i + 1).reduce((best, columns) =>
    side(columns) > side(best) ? columns : best,
  );
}
