import { heatColour, heatColours } from '../reading/heat';
import { hex } from '../render/colours';
import { codeOf, type CellMaps as Drawn, valueOfCode } from '../render/maps';
import type { Rgb } from '../render/picture';
import type { SmallMaps } from '../run/types';
import type { CellMaps } from './cell_maps.svelte';

/** How small maps are drawn: colours, scales, and which offsets have a bar. */

/** How much is left of maps that stand in for those of the shown step. */
const DIMMED = 0.35;
/** Offsets that have a bar: so many back, and ahead where anything lies there. */
const BACK = 32;
const AHEAD = 16;
/** Not those beyond this share of the longest text: few queries have them, and what they see so far back is the first token,
 * which has a bar of its own. */
const FAR = 0.5;

const BARS = {
  light: { plain: hex('#3d86c6'), itself: hex('#14386f'), first: hex('#c24e00') },
  dark: { plain: hex('#4a9fe6'), itself: hex('#e6f4ff'), first: hex('#f08a4a') },
};

/** What the matrix draws in its cells; null while they show points, or nothing is here.
 * @param most of the scale, see `mostOf` */
export function drawnMaps(maps: CellMaps, dark: boolean, most: number): Omit<Drawn, 'strip'> | null {
  const { pair, mix, current } = maps;
  if (!maps.on || !pair) return null;
  const [, rows = 0, columns = 0] = pair.to.shape;
  if (pair.from.shape.join() !== pair.to.shape.join()) return null;
  const opacity = current ? 1 : DIMMED;
  if (pair.part === 'offsets' && rows === 1) {
    const range = barRange(pair.to);
    const from = barsOf(pair.from, range, maps.onFirst(pair.fromMaps));
    const to = pair.to === pair.from ? from : barsOf(pair.to, range, maps.onFirst(pair.toMaps));
    const bars = { rows: 1, columns: barCount(range), form: 'bars', middle: null, most: 1 } as const;
    return { ...bars, from, to, mix, colours: barColours(range, dark), opacity };
  }
  const heat = { from: pair.from.data, to: pair.to.data, mix, rows, columns };
  const middle = pair.part === 'offsets' ? barPaint(dark).first : null;
  return { ...heat, form: 'heat', middle, most, colours: heatTable(dark), opacity };
}

/** The number of the last colour: all of a query's attention, but for images, whose patches each get little: there the
 * greatest number of any head, rounded up. */
export function mostOf({ pictured, pair }: Pick<CellMaps, 'pictured' | 'pair'>): number {
  if (!pictured || !pair) return 1;
  const code = greatest(pair.to);
  const value = code > 0 ? valueOfCode(code) : 1;
  return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((most) => value <= most) ?? 1;
}

const greatestOf = new WeakMap<SmallMaps, number>();

function greatest(maps: SmallMaps): number {
  const known = greatestOf.get(maps);
  if (known !== undefined) return known;
  const found = maps.data.reduce((most, code) => Math.max(most, code), 0);
  greatestOf.set(maps, found);
  return found;
}

export interface BarRange {
  readonly back: number;
  readonly ahead: number;
}

const ranges = new WeakMap<SmallMaps, BarRange>();

/** Which offsets any head has. */
export function barRange(maps: SmallMaps): BarRange {
  const known = ranges.get(maps);
  if (known) return known;
  const columns = maps.shape[2] ?? 1;
  const middle = (columns - 1) / 2;
  let ahead = 0;
  maps.data.forEach((code, at) => {
    if (code > 1) ahead = Math.max(ahead, (at % columns) - middle);
  });
  const far = Math.ceil(FAR * middle);
  const range = { back: Math.min(BACK, far), ahead: Math.min(AHEAD, far, ahead) };
  ranges.set(maps, range);
  return range;
}

/** Columns of the first token's bar, and of the gap behind it. */
const FIRST = 2;
const LEAD = 4;

/** The offset of a column of bars, or whether it is the first token's; null: a gap. */
export function offsetOfBar({ back }: BarRange, column: number): number | 'first' | null {
  if (column >= LEAD) return column - LEAD - back;
  return column < FIRST ? 'first' : null;
}

function barCount({ back, ahead }: BarRange): number {
  return LEAD + back + 1 + ahead;
}

const cut = new WeakMap<SmallMaps, { readonly first: Float32Array | null; readonly codes: Uint8Array }>();

/** The codes of the first token and of the offsets in a range, the same array each time. */
function barsOf(maps: SmallMaps, range: BarRange, first: Float32Array | null): Uint8Array {
  const [heads = 0, , columns = 1] = maps.shape;
  const each = barCount(range);
  const known = cut.get(maps);
  if (known?.codes.length === heads * each && known.first === first) return known.codes;
  const codes = new Uint8Array(heads * each);
  for (let head = 0; head < heads; head++) {
    const begin = head * columns + (columns - 1) / 2 - range.back;
    codes.set(maps.data.subarray(begin, begin + each - LEAD), head * each + LEAD);
    codes.fill(codeOf(first?.[head] ?? Number.NaN), head * each, head * each + FIRST);
  }
  cut.set(maps, { first, codes });
  return codes;
}

const heatTables = new Map<boolean, Uint8Array>();

/** The colours of `CellMaps` of heat, those of the sentence view's maps. */
export function heatTable(dark: boolean): Uint8Array {
  const known = heatTables.get(dark);
  if (known) return known;
  const table = new Uint8Array(4 * 256);
  for (let code = 1; code < 256; code++) {
    table.set([...bytes(heatColour(heatColours(dark), valueOfCode(code), false)), 255], 4 * code);
  }
  heatTables.set(dark, table);
  return table;
}

const barTables = new Map<string, Uint8Array>();

/** A colour for each bar: the first token's and that of the token itself are told from the others'. */
function barColours({ back, ahead }: BarRange, dark: boolean): Uint8Array {
  const key = `${back} ${ahead} ${dark}`;
  const known = barTables.get(key);
  if (known) return known;
  const { plain, itself, first } = barPaint(dark);
  const table = new Uint8Array(4 * barCount({ back, ahead }));
  for (let column = 0; column < table.length / 4; column++) {
    const paint = column < LEAD ? first : column === LEAD + back ? itself : plain;
    table.set([...bytes(paint), 255], 4 * column);
  }
  barTables.set(key, table);
  return table;
}

export function barPaint(dark: boolean): { readonly plain: Rgb; readonly itself: Rgb; readonly first: Rgb } {
  return dark ? BARS.dark : BARS.light;
}

function bytes(colour: Rgb): number[] {
  return colour.map((x) => Math.round(255 * x));
}
