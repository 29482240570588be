import { beforeEach, expect, it } from 'vitest';
import { type NpyArray, parseNpy } from '../base/npy';
import { readHealth } from '../health/shown_health.fixture.svelte';
import type { Attention } from '../reading/asked_attention.svelte';
import { makeGrid } from '../render/layout';
import { layerOf } from '../run/layer.fixture';
import type { Points, PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION } from '../run/projection';
import { dataOf, textOf } from '../run/run.fixture';
import type { AttentionQuery } from '../run/types';
import { wholeHealth } from '../run/whole_health';
import { type ExportSource, numbersOf } from './files';

// A layer of two heads and one of one; two tokens, so that a head has four points.
const layers = [2, 1].map((heads, number) =>
  layerOf({ number, heads, head_numbers: Array.from({ length: heads }, (_, i) => i) }),
);
const data = dataOf([textOf('a b')], { layers, steps: [0, 100], run: 'a' });
const POINTS = 4;

/** Where a head's points are: all of its numbers tell layer, head and step. */
const at = (layer: number, head: number, step: number) => step + 10 * layer + head;
const pointsOf = ({ layer, head, step, dims }: PointsQuery) =>
  Float32Array.from(
    { length: (head === undefined ? (layers[layer]?.heads ?? 0) : 1) * POINTS * dims },
    (_, i) => at(layer, head ?? Math.floor(i / (POINTS * dims)), step),
  );

let heard: (PointsQuery | AttentionQuery)[];
const HEALTH = { run: 'a', steps: [0, 100], heads: [2, 1], digest: '', figures: { sink: [[0.1, 0.2, 0.3]] } };

let session: ExportSource;

beforeEach(() => {
  heard = [];
  const query = (layer: number, step: number): PointsQuery => ({
    run: 'a',
    step,
    layer,
    projection: DEFAULT_PROJECTION,
    dims: 2,
    frame: 100,
  });
  session = {
    data: {
      ...data,
      source: {
        points: async (asked): Promise<Points> => {
          heard.push(asked);
          return { shape: [], data: pointsOf(asked), notes: new Map() };
        },
        attention: async (asked): Promise<NpyArray> => {
          heard.push(asked);
          return { shape: [2, 2], data: Float32Array.of(1, 0, 0.25, 0.75) };
        },
      },
    },
    grid: makeGrid([2, 1]),
    focus: { opened: { layer: 0, head: 1 }, selection: { list: 0, sequence: 0, token: 0, side: 'query' } },
    axes: { projection: DEFAULT_PROJECTION, dims: 2, frame: 100 },
    playback: { steps: [0, 100], index: 1, step: 100 },
    health: {
      figures: readHealth(HEALTH),
      held: { table: async () => wholeHealth(HEALTH) },
    },
    loader: { points: (asked) => (asked.step === 100 ? pointsOf(asked) : null) },
    headView: { queries: (indices) => indices.map((index) => query(0, [0, 100][index] ?? 0)) },
    sentence: {
      weighing: {},
      sequence: 0,
      rawOf: () => ({ query: ['a', 'b'], key: ['a', 'b'] }),
      attention: { value: { shape: [2, 2], data: Float32Array.of(1, 0, 0.5, 0.5), of: null } },
      pins: { held: [] },
    },
  };
});

async function taken(title: string, format: 'csv' | 'npy') {
  const shares: number[] = [];
  const found = numbersOf(session).find((of) => of.title === title);
  if (!found) throw new Error(`${title} is not among ${numbersOf(session).map((of) => of.title)}`);
  const { name, content } = await found.take(
    format,
    (share) => shares.push(share),
    new AbortController().signal,
  );
  return { name, shares, text: await content.text(), npy: async () => parseNpy(await content.arrayBuffer()) };
}

it('offers the numbers of what is shown', () => {
  const titles = () => numbersOf(session).map(({ title }) => title);
  expect(titles()).toEqual([
    'Points of L0 H1, step 100',
    'Points of L0 H1, all steps',
    'Points of all heads, step 100',
    'Attention of L0 H1, step 100',
    'Health, all heads and steps',
  ]);
  session = {
    ...session,
    focus: { opened: null, selection: null },
    health: { ...session.health, figures: null },
  };
  expect(titles()).toEqual(['Points of all heads, step 100']);
  session = { ...session, data: { ...session.data, run: null } };
  expect(titles()).toEqual([]);
});

it('has the opened head’s points out of its layer’s, without asking for what is here', async () => {
  const { name, npy, shares } = await taken('Points of L0 H1, step 100', 'npy');
  const { shape, data: floats } = await npy();
  expect([name, shape, new Set(floats)]).toEqual([
    'a_L0H1_step100_biplot.npy',
    [POINTS, 2],
    new Set([at(0, 1, 100)]),
  ]);
  expect([heard, shares]).toEqual([[], [1]]);
});

it('names a file after the step that was shown when it was asked for', async () => {
  let step = 100;
  const playback = Object.defineProperty({ ...session.playback }, 'step', { get: () => step });
  session = { ...session, playback };
  const asked = taken('Points of L0 H1, step 100', 'npy');
  step = 0;
  expect((await asked).name).toBe('a_L0H1_step100_biplot.npy');
});

it('asks for the other steps, and says how far it is', async () => {
  const { name, npy, shares } = await taken('Points of L0 H1, all steps', 'npy');
  const { shape, data: floats } = await npy();
  expect([name, shape, [...new Set(floats)]]).toEqual([
    'a_L0H1_all-steps_biplot.npy',
    [2, POINTS, 2],
    [at(0, 1, 0), at(0, 1, 100)],
  ]);
  expect([heard.map(({ step }) => step), shares]).toEqual([[0], [0.5, 1]]);
});

it.each(['biplot', 'tsne'] as const)(
  'has every head at its own place, by layers or by heads: %s',
  async (method) => {
    session = { ...session, axes: { ...session.axes, projection: { ...DEFAULT_PROJECTION, method } } };
    const { npy } = await taken('Points of all heads, step 100', 'npy');
    const { shape, data: floats } = await npy();
    expect([shape, [...new Set(floats)]]).toEqual([
      [3, POINTS, 2],
      [at(0, 0, 100), at(0, 1, 100), at(1, 0, 100)],
    ]);
    const { text } = await taken('Points of all heads, step 100', 'csv');
    expect(text.split('\r\n')[9]).toBe('1,0,100,0,query,a,0,0,110,110');
  },
);

it('takes the whole matrix where a part of it is enough to be shown', async () => {
  const part: Attention = { shape: [1, 2], data: Float32Array.of(1, 0), of: { side: 'query', token: 0 } };
  session = { ...session, sentence: { ...session.sentence, attention: { value: part } } };
  const { npy, name } = await taken('Attention of L0 H1, step 100', 'npy');
  expect([name, [...(await npy()).data]]).toEqual([
    'a_L0H1_step100_sequence0_attention.npy',
    [1, 0, 0.25, 0.75],
  ]);
  expect(heard).toEqual([{ run: 'a', step: 100, layer: 0, head: 1, sequence: 0 }]);
});

it('has what is compared in the table, under its own head and step', async () => {
  const held = { shape: [2, 2], data: Float32Array.of(0.5, 0.5, 0, 1), of: null };
  const pins = { held: [{ place: { layer: 1, head: 0, step: 0 }, weights: held }] };
  session = { ...session, sentence: { ...session.sentence, pins } };
  const rows = (await taken('Attention of L0 H1, step 100', 'csv')).text.split('\r\n');
  expect([rows[1], rows[5], rows[8]]).toEqual([
    '0,1,100,0,0,a,0,a,1',
    '1,0,0,0,0,a,0,a,0.5',
    '1,0,0,0,1,b,1,b,1',
  ]);
});

it('leaves nothing out of a table that is still on its way', async () => {
  const pins = { held: [{ place: { layer: 1, head: 0, step: 0 }, weights: null }] };
  session = { ...session, sentence: { ...session.sentence, pins } };
  await expect(taken('Attention of L0 H1, step 100', 'csv')).rejects.toThrow('what it is compared with');
  expect((await taken('Attention of L0 H1, step 100', 'npy')).name).toMatch(/npy$/); // of what is shown alone
});

it('calls weighted attention so, and has the tokens of what was read when it was asked for', async () => {
  const part: Attention = { shape: [1, 2], data: Float32Array.of(1, 0), of: { side: 'query', token: 0 } };
  let tokens = ['a', 'b'];
  const rawOf = () => ({ query: tokens, key: tokens });
  const pins = { held: [{ place: { layer: 1, head: 0, step: 0 }, weights: part }] };
  const sentence = {
    ...session.sentence,
    weighing: { weight: 'values' },
    attention: { value: part },
  } as const;
  session = { ...session, sentence: { ...sentence, pins, rawOf } };
  const asked = taken('Weighted attention of L0 H1, step 100', 'csv');
  tokens = ['x', 'y'];
  const { name, text } = await asked;
  const rows = text.split('\r\n');
  expect(name).toBe('a_L0H1_step100_sequence0_weighted-attention.csv');
  expect([rows[0]?.split(',').at(-1), rows[3], rows[7]]).toEqual([
    'weighted_attention',
    '0,1,100,0,1,b,0,a,0.25',
    '1,0,0,0,1,b,0,a,0.25',
  ]);
  expect(heard.map((query) => 'weight' in query && query.weight)).toEqual(['values', 'values']);
});

it('says what to do where there is nothing to take', async () => {
  const [first] = numbersOf(session);
  session = Object.assign(session, { focus: { opened: null, selection: null } });
  await expect(first!.take('csv', () => {}, new AbortController().signal)).rejects.toThrow('open one');
});
