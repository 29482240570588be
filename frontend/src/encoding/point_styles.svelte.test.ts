import { describe, expect, it } from 'vitest';
import { DARK, LIGHT, type Palette } from '../render/colours';
import type { Rgb } from '../render/picture';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import type { TokenAt } from '../run/lists';
import type { PointFigure } from '../run/pictures';
import { dataOf, textOf } from '../run/run.fixture';
import type { Layer, TokenList } from '../run/types';
import { BY_KIND, colouringsOf } from './colouring';
import { PointStyles } from './point_styles.svelte';

// Two sequences of three and two tokens: points 0 to 4 are queries, 5 to 9 their keys.
const TOKENS = 5;
const sequences = [textOf('[CLS] a b'), textOf('a c')];
const { layers: usual, probe } = dataOf(sequences);
const range = [10, 20] as const;
const two = [0, 1].map((number) => layerOf({ number, heads: 2, head_numbers: [0, 1] }));

interface Given {
  readonly layers?: readonly Layer[];
  readonly lists?: readonly TokenList[];
  readonly colouring?: string;
  readonly sized?: boolean;
  readonly opened?: HeadPlace;
  readonly selection?: TokenAt;
  readonly shown?: readonly number[];
  readonly marked?: readonly number[];
  readonly found?: readonly number[];
  readonly errors?: readonly number[];
  readonly late?: boolean;
  readonly values?: (figure: PointFigure, layer: number) => readonly number[];
  readonly palette?: Palette;
}

function made(given: Given): PointStyles {
  const { layers = usual, marked, found = [], shown, lists, late = false } = given;
  const values = (figure: PointFigure, layer: number) =>
    given.values ? Float32Array.from(given.values(figure, layer)) : null;
  const termOf = Uint8Array.from({ length: 2 * TOKENS }, (_, point) => Number(found.includes(point)));
  return new PointStyles({
    data: dataOf(sequences, { layers, ...(lists && { lists }) }),
    focus: { opened: given.opened ?? null, selection: given.selection ?? null },
    filter: {
      shown: shown ? Uint8Array.from({ length: TOKENS }, (_, i) => Number(shown.includes(i))) : null,
      shows: (point) => !shown || shown.includes(point % TOKENS),
    },
    search: { found: found.length > 0, termOf, hues: [[0, 0, 1]] },
    marks: { group: marked ? { id: '1', points: marked, of: 2 * TOKENS } : null },
    theme: { palette: given.palette ?? LIGHT },
    scatter: { sized: given.sized ?? false },
    colourings: { chosen: colouringsOf(probe.value).find(({ id }) => id === given.colouring) ?? BY_KIND },
    pointFigures: {
      values,
      told: (figure, layer) => (late ? null : values(figure, layer)),
      range: () => (given.values ? range : null),
      behind: null,
    },
    trust: {
      ...{ errors: given.errors ? Float32Array.from(given.errors) : null, late },
      judged: given.errors ? { step: 100 } : null,
    },
  });
}

const bytes = (colour: Rgb) => colour.map((x) => Math.round(255 * x));
const colours = (styles: PointStyles) =>
  Array.from({ length: 2 * TOKENS }, (_, point) => [...styles.shared.subarray(4 * point, 4 * point + 3)]);
const levels = (styles: PointStyles) => [...styles.shared].filter((_, i) => i % 4 === 3);

describe('what is drawn, and in which order', () => {
  it('is every point; of a filter, what it shows', () => {
    expect([...made({}).order].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const few = made({ shown: [1, 4] }).order;
    expect([...few].toSorted((a, b) => a - b)).toEqual([1, 4, 6, 9]);
    expect([...few]).toEqual([...made({}).order].filter((point) => few.includes(point)));
  });

  it('is of each layer what it has, the same array for layers with the same tokens', () => {
    const lists = [
      { of: 'tokens', grid: null, first: 0, tokens: 3 },
      { of: 'key_tokens', grid: null, first: 3, tokens: 2 },
    ] as const;
    const cross = layerOf({ keys_of: 'key_tokens' });
    const styles = made({ layers: [cross, layerOf({}), cross], lists });
    expect([...styles.orderOf(0)].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 8, 9]);
    expect([...styles.orderOf(1)].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 5, 6, 7]);
    expect(styles.orderOf(2)).toBe(styles.orderOf(0));
  });

  it('has the selected token’s sequence on top, the token itself last', () => {
    const styles = made({ selection: { list: 0, sequence: 0, token: 1, side: 'query' } });
    expect(styles.lit).toEqual([0, 5, 2, 7, 1, 6]);
    expect([styles.selecting, levels(styles)]).toEqual([true, [2, 3, 2, 1, 1, 2, 3, 2, 1, 1]]);
  });

  it('has hits and marked points on top, and of a selection beside them its token alone', () => {
    const selection = { list: 0, sequence: 1, token: 0, side: 'key' } as const;
    const styles = made({ found: [0], marked: [7], selection });
    expect([...styles.lit.slice(0, -2)].toSorted((a, b) => a - b)).toEqual([0, 7]);
    expect(styles.lit.slice(-2)).toEqual([3, 8]);
    expect(colours(styles)[0]).toEqual([0, 0, 255]); // the term's hue
    expect(made({ found: [0], shown: [1, 2] }).lit).toEqual([]);
  });

  it('knows the selected token’s query and key, and none of another token where a filter hides it', () => {
    const selection = { list: 0, sequence: 0, token: 1, side: 'query' } as const;
    expect(made({ selection }).selected).toEqual([1, 6]);
    expect(made({ selection, shown: [0, 2] }).selected).toEqual([]);
  });

  it('lights as many as a cell has room for, the last ones first', () => {
    const styles = made({ marked: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
    expect(styles.litIn(600, 1, 1000)).toBe(styles.lit);
    const few = styles.litIn(600, 1, 6);
    expect([few.length < 10, few]).toEqual([true, styles.lit.slice(-few.length)]);
  });

  it('selects nothing where nothing is chosen', () => {
    expect(made({}).selecting).toBe(false);
    expect(made({}).lit).toEqual([]);
    expect(made({ marked: [1] }).selecting).toBe(true);
  });
});

describe('colours', () => {
  it('tell queries from keys, in the page’s palette', () => {
    for (const palette of [LIGHT, DARK]) {
      const found = colours(made({ palette }));
      expect(found.slice(0, TOKENS)).toEqual(Array(TOKENS).fill(bytes(palette.query)));
      expect(found.slice(TOKENS)).toEqual(Array(TOKENS).fill(bytes(palette.key)));
    }
  });

  it('of tokens are the same of a token’s query and key', () => {
    const styles = made({ colouring: 'sequence' });
    const found = colours(styles);
    expect(found.slice(TOKENS)).toEqual(found.slice(0, TOKENS));
    expect(new Set(found.map(String)).size).toBe(2);
    expect(styles.scale?.kind).toBe('classes');
    expect(styles.tells(8)).toEqual(['sequence', '1']);
    expect([made({}).tells(0), styles.ofHeads]).toEqual([null, null]);
  });

  it('of a figure are each head’s own, on the head’s scale', () => {
    const of = (layer: number) => Array.from({ length: 40 }, (_, i) => (layer === 0 ? i : Number.NaN));
    const styles = made({ colouring: 'norm', values: (_, layer) => of(layer), layers: two });
    const shades = [...styles.ofHeads!.values].filter((_, i) => i % 2 === 0);
    // Head 0 has 0 to 9, below the range; head 1 has 10 to 19, from its low end to nine tenths of it.
    expect(shades.slice(0, 10)).toEqual(Array(10).fill(1));
    expect(shades.slice(10, 20)).toEqual(Array.from({ length: 10 }, (_, i) => 1 + Math.round(25.4 * i)));
    expect(shades.slice(20)).toEqual(Array(20).fill(0)); // no values
    expect(colours(styles)[0]).toEqual(bytes(LIGHT.other));
    expect(styles.scale).toBeNull(); // each head has its own
  });

  it('of a share are on one scale in all heads', () => {
    const styles = made({
      colouring: 'entropy',
      values: () => Array(20).fill(0.5),
      opened: { layer: 0, head: 1 },
    });
    expect(styles.scale).toMatchObject({ low: 0, high: 1 });
    expect(styles.ofHeads!.values[0]).toBe(1 + 127);
    expect(styles.tells(3)).toEqual(['attention entropy', '50 %']);
  });

  it('tell nothing of a value that is not known', () => {
    const styles = made({ colouring: 'norm', values: () => [], opened: { layer: 0, head: 0 } });
    expect(styles.tells(0)).toBeNull();
  });
});

describe('what is the opened head’s own', () => {
  const opened = { layer: 0, head: 1 };

  it('is nothing while its colours are shared and its points of one size', () => {
    expect(made({ opened }).ofOpened).toBeNull();
    expect(made({ sized: true }).ofOpened).toBeNull();
  });

  it('is its sizes, whatever colours tell', () => {
    const styles = made({ opened, sized: true, values: () => Array.from({ length: 20 }, (_, i) => i) });
    const { values } = styles.ofOpened!;
    expect([...values].filter((_, i) => i % 2 === 0)).toEqual(Array(10).fill(0));
    expect([values[1], values[2 * 5 + 1]]).toEqual([1, 1 + Math.round(254 * 0.5)]); // 10 and 15 of 10 to 20
  });

  it('tells no number while what colours it is another step’s', () => {
    const given = { opened, colouring: 'tears', errors: [0, 0.25, 0.5, 1] };
    expect(made(given).tells(1)?.[1]).toBe('0.250');
    const late = made({ ...given, late: true });
    expect([late.tells(1), late.behind, made(given).behind]).toEqual([null, 100, null]);
    const values = () => Array.from({ length: 40 }, () => 12);
    expect(made({ opened, colouring: 'norm', values }).tells(1)?.[1]).toBe('12.0');
    expect(made({ opened, colouring: 'norm', values, late: true }).tells(1)).toBeNull();
  });

  it('is its errors, up to a half', () => {
    const styles = made({ opened, colouring: 'tears', errors: [0, 0.25, 0.5, 1] });
    const shades = [...styles.ofOpened!.values].filter((_, i) => i % 2 === 0).slice(0, 4);
    expect(shades).toEqual([1, 128, 255, 255]);
    expect([styles.tells(1), styles.tells(9)]).toEqual([['tears', '0.250'], null]);
    expect(styles.scale).toMatchObject({ low: 0, high: 0.5 });
    expect(styles.ofHeads).toBeNull();
  });
});
