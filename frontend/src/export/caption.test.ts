import { describe, expect, it } from 'vitest';
import type { Panel } from '../reading/panel';
import { layerOf } from '../run/layer.fixture';
import { DEFAULT_PROJECTION, type Method } from '../run/projection';
import { dataOf, textOf } from '../run/run.fixture';
import type { StandIn } from '../shown/pair';
import { type Captioned, captionOf, nameOf } from './caption';
import type { ViewKind } from './views.svelte';

const side = {
  ...{ list: 0, title: '', raw: ['a', 'b', 'c'], tokens: ['a', 'b', 'c'] },
  ...{ gone: [false, true, true], positions: false },
};
const panel = {
  id: 'shown',
  title: '',
  step: 1000,
  late: false,
  weights: null,
  part: null,
  drawn: null,
  signed: false,
};

const unders = { difference: null, underMatrix: null, underHead: null };
const drawn = (late: [number, StandIn][] = [], method: Method = 'biplot') =>
  ({ dims: 2, late: new Map(late), asked: { method } }) as const;

/** The eighth head of the model's sixth layer, halfway between two steps, but for `parts`. */
function shown(parts: Partial<Captioned> = {}): Captioned {
  const layers = [layerOf({ number: 5, heads: 2, head_numbers: [7, 9] })];
  return {
    data: dataOf([textOf('a b'), textOf('c')], { run: 'induction/2', layers }),
    focus: { opened: { layer: 0, head: 0 }, selection: null },
    scatter: { lines: true, top: 2, least: 5 },
    marks: { alone: false },
    axes: { projection: DEFAULT_PROJECTION, dims: 2 },
    playback: { steps: [0, 1000, 2000], step: 1000, between: { from: 1, to: 1, mix: 0 } },
    steering: { tag: null, scale: { low: 0.5, high: 4, logarithmic: true } },
    headView: { pair: null, behind: null },
    matrix: { pair: null, behind: null },
    cellMaps: { on: false, cells: 'points', kind: null, kinds: [], pair: null, current: true },
    matrixView: { tiled: false },
    sentence: {
      sequence: 1,
      top: 0,
      least: 0,
      sides: { query: side, key: side },
      shown: panel,
      pictured: panel,
      form: 'lines',
      weighing: {},
      waits: '',
      pins: { against: null },
    },
    imageView: { within: null, beside: false, drawn: 'none', least: 10 },
    against: { run: null, own: false, same: false, step: null, ...unders },
    ...parts,
  };
}

describe('a caption', () => {
  it('says of which run, head and step a picture is, and how it was made', () => {
    expect(captionOf('head', shown())).toEqual({
      title: 'induction/2 · L5 H7 · step 1,000',
      says: ['Biplot in 2-D'],
    });
    const tsne = { ...DEFAULT_PROJECTION, method: 'tsne', normalise: 'paper' } as const;
    expect(captionOf('matrix', shown({ axes: { projection: tsne, dims: 3 } })).says).toEqual([
      't-SNE in 2-D (perplexity 30, cosine, seed 0, coordinates of the paper)',
    ]);
  });

  it('never passes off one picture as another that was still to come', () => {
    const axes = { projection: { ...DEFAULT_PROJECTION, method: 'umap' }, dims: 2 } as const;
    const said = (kind: ViewKind, parts: Partial<Captioned>) =>
      captionOf(kind, shown({ axes, ...parts })).says.slice(1);
    expect(said('head', { headView: { behind: null, pair: drawn([], 'umap') } })).toEqual([]);
    expect(said('head', { headView: { behind: null, pair: drawn([[0, 'biplot']], 'umap') } })).toEqual([
      'not here yet: drawn is the biplot',
    ]);
    expect(said('head', { headView: { behind: null, pair: drawn([[0, 1000]], 'umap') } })).toEqual([
      'not here yet: drawn is step 1,000',
    ]);
    expect(said('head', { headView: { behind: 500, pair: drawn([], 'umap') } })).toEqual([
      'not here yet: drawn is step 500',
    ]);
    expect(said('head', { headView: { behind: null, pair: drawn() } })).toEqual([
      'not here yet: drawn is Biplot',
    ]);
    const late: [number, StandIn][] = [
      [0, 'biplot'],
      [2, 500],
      [3, 500],
      [4, null],
    ];
    expect(said('matrix', { matrix: { behind: null, pair: drawn(late, 'umap') } })).toEqual([
      'not here yet for 3 of the heads: drawn is the biplot or step 500',
    ]);
  });

  it('says what cells show where it is not points', () => {
    const none = { shape: [0, 0, 0], data: new Uint8Array() } as const;
    const steps = { fromStep: 1000, toStep: 1000, fromMaps: 1000, toMaps: 1000 };
    const pair = {
      kind: 'repeated',
      part: 'first',
      onRepeats: new Set<number>(),
      from: none,
      to: none,
      ...steps,
    } as const;
    const kinds = ['text', 'repeated'];
    const maps = { on: true, cells: 'attention', kind: 'repeated', kinds, pair, current: true } as const;
    const both = (parts: Partial<Captioned>) => [
      captionOf('matrix', shown(parts)).says,
      nameOf('matrix', shown(parts), 'svg'),
    ];
    expect(both({ cellMaps: maps })).toEqual([
      ['attention, repeated texts'],
      'induction-2_heads_step1000_attention_repeated.svg',
    ]);
    expect(both({ cellMaps: { ...maps, cells: 'offsets', kind: 'text' } })).toEqual([
      ['offsets, ordinary texts'],
      'induction-2_heads_step1000_offsets_text.svg',
    ]);
    const late = { ...maps, pair: { ...pair, fromMaps: 500, toMaps: 500 }, current: false };
    expect(both({ cellMaps: late })[0]).toEqual(['attention, repeated texts', 'maps of step 500']);
    expect(both({ cellMaps: { ...maps, pair: null, current: false } })[0]).toEqual([
      'attention: not here yet',
    ]);
    expect(both({ cellMaps: maps, matrixView: { tiled: true } })).toEqual([
      ['tints alone'],
      'induction-2_heads_step1000_tints.svg',
    ]);
  });

  it('says between which steps a picture stands', () => {
    const playback = { steps: [0, 1000, 2000], step: 1000, between: { from: 1, to: 2, mix: 0.25 } };
    expect(captionOf('matrix', shown({ playback })).title).toBe(
      'induction/2 · all heads · 25 % of the way from step 1,000 to 2,000',
    );
  });

  it('has the dimensions that are drawn, not those that are on their way', () => {
    const axes = { projection: DEFAULT_PROJECTION, dims: 3 } as const;
    expect(captionOf('head', shown({ axes, headView: { behind: null, pair: drawn() } })).says).toEqual([
      'Biplot in 2-D',
    ]);
    expect(captionOf('head', shown({ axes })).says).toEqual(['Biplot in 3-D']);
  });

  it('says which attention is drawn as lines between points, and what of it is still to come', () => {
    const { sentence, focus } = shown();
    const selection = { sequence: 1, list: 0, token: 0, side: 'query' } as const;
    const says = (panelOf: Partial<Panel>, parts: Partial<Captioned> = {}) =>
      captionOf(
        'head',
        shown({
          focus: { ...focus, selection },
          sentence: { ...sentence, shown: { ...panel, weights: Float32Array.of(1), ...panelOf } },
          ...parts,
        }),
      ).says.slice(1);
    const lines = 'lines: attention within sequence 1';
    expect(says({})).toEqual([`${lines}, the strongest 2 of each query, from 5 %`]);
    expect(says({ late: true, step: 500 })).toEqual([
      `${lines}, still of step 500, the strongest 2 of each query, from 5 %`,
    ]);
    expect(says({ weights: null })).toEqual(['lines of attention: not here yet']);
    expect(says({}, { scatter: { lines: false, top: 2, least: 5 } })).toEqual([]);
    expect(says({}, { marks: { alone: true } })).toEqual([]);
    const waits = 'Attention of L5 H7 at step 1,000 is on its way';
    expect(captionOf('sentence', shown({ sentence: { ...sentence, waits } })).says[1]).toBe(
      `not all is here yet: ${waits}`,
    );
  });

  it('says what of the attention is left out', () => {
    const { sentence } = shown();
    const says = (parts: Partial<Captioned['sentence']>) =>
      captionOf('sentence', shown({ sentence: { ...sentence, ...parts } })).says;
    expect(says({})).toEqual(['attention within sequence 1', '2 tokens left out']);
    expect(says({ sequence: 'mean', top: 3, least: 0.05, weighing: { weight: 'values' } })).toEqual([
      'attention, mean over 2 sequences by position, counted from both ends',
      'weighted by ‖v‖',
      'the strongest 3 of each query',
      'from 5 %',
      '2 tokens left out',
    ]);
    // Where layers have other keys than queries, both are counted.
    expect(says({ sides: { query: side, key: { ...side } } }).at(-1)).toBe('4 tokens left out');
  });

  it('says what the curve is, and from where to where', () => {
    expect(captionOf('timeline', shown()).says).toEqual(['steps 0 to 2,000']);
    const steering = { tag: 'train/loss', scale: { low: 0.5, high: 4, logarithmic: true } };
    expect(captionOf('timeline', shown({ steering }))).toMatchObject({
      title: 'induction/2 · train/loss',
      says: ['from 0.500 to 4.00, logarithmic; steps 0 to 2,000'],
    });
  });

  it('calls a difference one', () => {
    const pictured = { ...panel, id: 'difference', title: 'shown − step 0', signed: true };
    const { title, says } = captionOf('sentence', shown({ sentence: { ...shown().sentence, pictured } }));
    expect(title).toBe('induction/2 · L5 H7, a difference · step 1,000');
    expect(says[0]).toBe('attention within sequence 1: shown − step 0');
  });

  it('is of the head and the step whose attention is drawn', () => {
    const { sentence } = shown();
    const told = (parts: Partial<Captioned['sentence']>) => {
      const session = shown({ sentence: { ...sentence, ...parts } });
      return [captionOf('sentence', session).title, nameOf('sentence', session, 'png')];
    };
    const head = { pins: { against: { head: { layer: 0, head: 1 } } }, pictured: { ...panel, id: '0-1' } };
    expect(told(head)).toEqual([
      'induction/2 · L5 H9 · step 1,000',
      'induction-2_L5H9_step1000_sequence1_attention.png',
    ]);
    const step = { pins: { against: { step: 0 } }, pictured: { ...panel, id: 's0', step: 0 } };
    expect(told(step)[0]).toBe('induction/2 · L5 H7 · step 0');
    // Maps are beside each other, each under its own name: the first is of the shown head.
    expect(told({ ...step, form: 'map' })[0]).toBe('induction/2 · L5 H7 · step 1,000');
  });

  it('says of an image nothing that is drawn of texts alone', () => {
    const sentence = { ...shown().sentence, form: 'map', top: 5, least: 0.1 } as const;
    const says = (parts: Partial<Captioned['imageView']>, form: 'lines' | 'map' = 'map') =>
      captionOf(
        'sentence',
        shown({ sentence: { ...sentence, form }, imageView: { ...shown().imageView, ...parts } }),
      ).says;
    const [of, left] = ['attention within sequence 1', '2 tokens left out'];
    expect(says({ within: {} })).toEqual([of, left]);
    expect(says({ within: {}, drawn: 'links', least: 20 })).toEqual([of, 'links from 20 %', left]);
    expect(says({ beside: true }, 'lines')).toEqual([of, left]);
    const scale = 'weights on a scale of square roots';
    expect(says({ beside: true })).toEqual([of, scale, 'the strongest 5 of each query', 'from 10 %', left]);
  });

  it('says with what a picture is compared', () => {
    const other = { ...shown().against, run: { ...dataOf([]).run, run: 'other' }, step: 400 };
    const under = { fromStep: 400, toStep: 400, to: { heads: [null, new Float32Array()] } };
    const says = (kind: ViewKind, parts: Partial<Captioned['against']>) =>
      captionOf(kind, shown({ against: { ...other, ...parts } })).says.slice(1);
    expect(says('matrix', { difference: {} })).toEqual(['difference: less other, step 400']);
    expect(says('matrix', { difference: {}, own: true })).toEqual(['difference: less step 400']);
    expect(says('matrix', { underMatrix: under })).toEqual(['hollow: other, step 400']);
    expect(says('matrix', { underMatrix: under, same: true })).toEqual([]);
    expect(says('matrix', { underMatrix: { ...under, to: { heads: [null] } } })).toEqual([]);
    expect(says('head', { underHead: { ...under, fromStep: 300 } })).toEqual([
      'hollow: other, between steps 300 and 400',
    ]);
    const difference = shown({ against: { ...other, difference: {} } });
    expect(nameOf('matrix', difference, 'svg')).toBe(
      'induction-2_heads_step1000_biplot_less_other_step400.svg',
    );
  });
});

it('names a file by what it shows', () => {
  expect(nameOf('head', shown(), 'svg')).toBe('induction-2_L5H7_step1000_biplot.svg');
  expect(nameOf('sentence', shown(), 'png')).toBe('induction-2_L5H7_step1000_sequence1_attention.png');
  expect(nameOf('timeline', shown(), 'png')).toBe('induction-2_timeline.png');
  expect(nameOf('matrix', shown({ data: { ...shown().data, run: null } }), 'png')).toBe('attention.png');
});
