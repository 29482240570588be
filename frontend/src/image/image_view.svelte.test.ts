import { flushSync } from 'svelte';
import { beforeEach, expect, it } from 'vitest';
import type { Side, TokenPlace } from '../attention/side';
import type { OwnWeights } from '../reading/panel';
import type { SideTokens } from '../reading/sentence.svelte';
import { indexTokens } from '../run/places';
import { runOf } from '../run/run.fixture';
import type { ImageSummary, ImageSummaryQuery, Sequence, TokenList } from '../run/types';
import { ImageView, MOST_PAIRS } from './image_view.svelte';

const SUMMARY = { offsets: new Float32Array(3), distance: 1.5 } as ImageSummary;
const rows = (n: number) => Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n] as const);

/** An image of n × n patches behind a token without a place. */
function imageOf(n: number): Sequence {
  const places = [null, ...rows(n)];
  const tokens = places.map((place) => place?.join() ?? '[CLS]');
  return { kind: 'image', tokens, repeat: null, grid: { rows: n, columns: n }, places };
}

/** A head whose queries are the tokens of an n × n image; its keys are too, or the 2 × 2 patches of a grid of its own. */
class Needed {
  selected = $state.raw<TokenPlace>({ side: 'query', token: 1 });
  weights = $state.raw<Float32Array | null>(null);
  part = $state.raw<OwnWeights | null>(null);
  late = $state(false);
  signed = $state(false);
  readonly summed: ImageSummaryQuery[] = [];
  offers = $state.raw<object | undefined>();
  private readonly image: Sequence;
  private readonly lists: readonly TokenList[];
  readonly data;

  constructor(
    n: number,
    private readonly own: boolean,
  ) {
    this.image = imageOf(n);
    const tokens = this.image.tokens.length;
    this.lists = [
      { of: 'tokens', grid: null, first: 0, tokens },
      { of: 'tokens', grid: { rows: 2, columns: 2 }, first: tokens, tokens: 4 },
    ];
    const index = indexTokens({ run: 'a', sequences: [this.image] }, this.lists);
    const needed = this;
    this.data = {
      run: runOf(),
      probe: { value: index },
      source: {
        get offers() {
          return needed.offers as never;
        },
        imageSummary: async (query: ImageSummaryQuery) => {
          needed.summed.push(query);
          return SUMMARY;
        },
      },
    };
  }

  readonly focus = {
    opened: { layer: 0, head: 0 },
    selection: { sequence: 0, list: 0, token: 1, side: 'query' as Side },
  };
  readonly playback = { step: 100 };

  get sentence() {
    const side = (list: number): SideTokens => {
      const tokens = this.data.probe.value.lists[list]?.sequences[0]?.tokens ?? [];
      return { list, title: '', raw: tokens, tokens, gone: tokens.map(() => false), positions: false };
    };
    const query = side(0);
    const { weights, part, late, signed } = this;
    return {
      sides: { query, key: this.own ? side(1) : query },
      selected: this.selected,
      pictured: { id: 'shown', title: '', step: 100, late, weights, part, drawn: null, signed },
      sequence: 0,
      weighing: {},
      select: (place: TokenPlace) => {
        this.selected = place;
      },
    };
  }
}

let needed: Needed;
let view: ImageView;
const begin = (n: number, own = false) => {
  needed = new Needed(n, own);
  view = new ImageView(needed);
};
/** The place of what is selected. */
const at = () => {
  const { side, token } = needed.selected;
  return [side, view.patches[side]?.places[token]];
};

beforeEach(() => begin(4));

it('draws the image once where queries and keys are its patches', () => {
  expect([view.within?.query === view.within?.key, view.beside]).toEqual([true, false]);
  expect(view.nameOf('query', 1 + 4)).toBe('row 1, column 0');
});

it('calls the only patch of an image the whole image', () => {
  begin(1);
  expect([view.nameOf('query', 0), view.nameOf('query', 1)]).toEqual(['[CLS]', 'the whole image']);
  expect(view.said).toBe('the whole image');
  needed.weights = Float32Array.of(0.5, 0.5, 0.9, 0.1);
  expect(view.said).toBe('the whole image, 90 % of the attention on [CLS]');
});

it.each([
  ['colour', true, true],
  ['fade', false, true],
  ['none', false, false],
] as const)('has colours over the image, or none, shaded as %s', (shade, plainly, inDifference) => {
  needed.weights = Float32Array.of(1, 0, 0.25, 0.75);
  view.shade = shade;
  expect(view.coloured).toBe(plainly);
  needed.signed = true;
  expect(view.coloured).toBe(inDifference);
  needed.weights = null; // on their way: there is no number to tell
  expect(view.coloured).toBe(false);
});

it('walks as far as the image reaches, from a token without a place to the first patch', () => {
  view.walk('query', 2, 3);
  expect(at()).toEqual(['query', [2, 3]]);
  view.walk('query', 5, 1);
  expect(at()).toEqual(['query', [3, 3]]);
  needed.selected = { side: 'query', token: 0 };
  view.walk('query', 1, 0);
  expect(at()).toEqual(['query', [0, 0]]);
});

it('turns to the same patch as a key', () => {
  needed.selected = { side: 'query', token: 7 };
  view.turn('key');
  expect(needed.selected).toEqual({ side: 'key', token: 7 });
});

it('keeps its place when it turns to keys on a grid of another size, and back', () => {
  begin(4, true);
  view.choose('query', 2, 3); // its middle is at 5/8 down and 7/8 across
  view.turn('key');
  expect(at()).toEqual(['key', [1, 1]]);
  view.choose('key', 0, 1);
  view.turn('query');
  expect(at()).toEqual(['query', [1, 3]]);
});

it('asks for one row where the whole matrix is too large, unless all of it is drawn or nobody can be asked', () => {
  expect(view.part).toBeNull();
  begin(Math.ceil(MOST_PAIRS ** 0.25));
  expect(view.part).toEqual({ side: 'query', token: 1 });
  view.drawn = 'links';
  expect(view.part).toBeNull();
  view.drawn = 'none';
  needed.offers = {};
  expect(view.part).toBeNull();
});

it('reads what a patch gives to each token', () => {
  const tokens = 17;
  needed.weights = Float32Array.from({ length: tokens * tokens }, (_, i) => i / 1000);
  needed.selected = { side: 'query', token: 2 };
  expect(view.own).toEqual(needed.weights.slice(2 * tokens, 3 * tokens));
  expect(view.most).toBeCloseTo((3 * tokens - 1) / 1000);
});

it('tells no number of another step, whose picture still stands in', () => {
  begin(1); // [CLS] and one patch
  needed.weights = Float32Array.of(1, 0, 0.25, 0.75);
  expect(view.said).toContain('75');
  expect(view.distances).toEqual({ query: 0, head: 0 });
  needed.late = true;
  expect(view.said).not.toContain('75');
  expect(view.distances).toEqual({ query: Number.NaN, head: Number.NaN });
});

it('never reads the row of another patch', () => {
  const weights = Float32Array.of(0.5, 0.25, 0.25);
  needed.part = { of: { side: 'query', token: 1 }, weights };
  expect(view.own).toEqual(weights);
  needed.selected = { side: 'query', token: 2 };
  expect(view.own).toBeNull();
});

it('asks what all patches come to, where it has one row alone', async () => {
  begin(Math.ceil(MOST_PAIRS ** 0.25));
  const end = $effect.root(() => view.begin());
  flushSync();
  expect(needed.summed).toEqual([{ run: 'a', step: 100, layer: 0, head: 0, sequence: 0 }]);
  await Promise.resolve();
  await Promise.resolve();
  expect(view.offsets).toBe(SUMMARY.offsets);
  end();
});
