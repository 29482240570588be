import { expect, it, vi } from 'vitest';
import { layerOf } from './layer.fixture';
import { numberedSource } from './numbering';
import type { PointsQuery, Trust } from './pictures';
import { DEFAULT_PROJECTION } from './projection';
import { runOf } from './run.fixture';
import type { DataSource } from './source';
import type { Layer } from './types';

const layer = (parts: Partial<Layer>) =>
  layerOf({ heads: 2, head_numbers: [0, 1], queries: 2, keys: 2, ...parts });
const run = (name: string, ...layers: Layer[]) => runOf({ run: name, layers, queries: 2, keys: 2 });
/** Two tokens on one side, one on the other: three in all. */
const CROSS = layer({ attends: 'cross', keys_of: 'key_tokens', keys: 1 });
const RUNS = { runs: [run('plain', layer({})), run('sides', layer({}), CROSS)] };
const WHOLE: PointsQuery = {
  run: 'sides',
  step: 0,
  layer: 1,
  projection: DEFAULT_PROJECTION,
  dims: 2,
  frame: 0,
};
const nan = Number.NaN;

async function numbered(answers: Partial<DataSource>): Promise<DataSource> {
  const source = numberedSource({ runs: async () => RUNS, ...answers } as DataSource);
  await source.runs();
  return source;
}

it('counts the tokens of all lists where layers differ, and leaves other runs as they are', async () => {
  const { runs } = await (await numbered({})).runs();
  expect(runs[0]).toBe(RUNS.runs[0]);
  expect([runs[1]?.queries, runs[1]?.keys]).toEqual([3, 3]);
  expect(runs[1]?.lists?.map(({ first, tokens }) => [first, tokens])).toEqual([
    [0, 2],
    [2, 1],
  ]);
});

it('puts the points of a layer at the numbers of their tokens', async () => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i); // two heads of two queries and a key
  const points = { shape: [2, 3, 2], data, notes: new Map([[1, 'a note']]) };
  const found = await (await numbered({ points: async () => points })).points(WHOLE);
  expect(found.shape).toEqual([2, 6, 2]);
  expect([...found.data.subarray(0, 12)]).toEqual([0, 1, 2, 3, nan, nan, nan, nan, nan, nan, 4, 5]);
  expect([...found.data.subarray(12)]).toEqual([6, 7, 8, 9, nan, nan, nan, nan, nan, nan, 10, 11]);
  expect(found.notes.get(1)).toBe('a note');
});

it('copies nothing where all layers have the same tokens', async () => {
  const points = { shape: [2, 4, 2], data: new Float32Array(16), notes: new Map<number, string>() };
  const source = await numbered({ points: async () => points });
  expect(await source.points({ ...WHOLE, run: 'plain', layer: 0 })).toBe(points);
});

it('asks for a group by the layer’s own numbers, and leaves out what it has not', async () => {
  const answer = { shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4), notes: new Map<number, string>() };
  const points = vi.fn(async (_: PointsQuery) => answer);
  const source = await numbered({ points });
  const alone = { id: 'g', points: [1, 2, 3, 5], of: 6 }; // of 2 and 3 the head has nothing
  const found = await source.points({ ...WHOLE, head: 1, alone });
  expect(points.mock.calls[0]?.[0].alone).toEqual({ id: 'g', points: [1, 2], of: 3 });
  expect(found.shape).toEqual([1, 4, 2]);
  expect([...found.data]).toEqual([1, 2, nan, nan, nan, nan, 3, 4]);
  const none = await source.points({ ...WHOLE, head: 1, alone: { ...alone, points: [2] } });
  expect([...none.data]).toEqual([nan, nan]);
  expect(none.notes.get(1)).toBe('This head has none of these tokens.');
  expect(points).toHaveBeenCalledTimes(1);
});

it('does the same to figures and errors of points', async () => {
  const figures = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const trust = {
    missed_keys: ['NaN', 0, 1],
    false_neighbours: [0.1, 0.2, 'NaN'],
    tears: [1, 2, 3],
  } as unknown as Trust;
  const source = await numbered({ pointFigures: async () => figures, trust: async () => trust });
  const found = await source.pointFigures({ run: 'sides', step: 0, layer: 1, figure: 'norm' });
  expect(found.shape).toEqual([2, 6]);
  expect([...found.data]).toEqual([1, 2, nan, nan, nan, 3, 4, 5, nan, nan, nan, 6]);
  const judged = await source.trust({ ...WHOLE, head: 0 });
  expect(judged.false_neighbours).toEqual([0.1, 0.2, 'NaN', 'NaN', 'NaN', 'NaN']);
  expect(judged.missed_keys).toEqual(['NaN', 0, 'NaN', 'NaN', 'NaN', 1]);
  expect(judged.tears).toEqual([1, 2, 'NaN', 'NaN', 'NaN', 3]);
});

it('does so for a run that is not listed for a while, as when TensorBoard begins anew', async () => {
  let listed = RUNS;
  const figures = { shape: [2, 3], data: new Float32Array(6) };
  const points = {
    ...figures,
    shape: [2, 3, 2],
    data: new Float32Array(12),
    notes: new Map<number, string>(),
  };
  const trust = { missed_keys: [], false_neighbours: [], tears: [] } as unknown as Trust;
  const source = await numbered({
    runs: async () => listed,
    points: async () => points,
    pointFigures: async () => figures,
    trust: async () => trust,
  });
  listed = { runs: [] };
  await source.runs();
  const [drawn, valued, judged] = [
    await source.points(WHOLE),
    await source.pointFigures({ run: 'sides', step: 0, layer: 1, figure: 'norm' }),
    await source.trust({ ...WHOLE, head: 0 }),
  ];
  expect([drawn.shape, valued.shape, judged.tears.length]).toEqual([[2, 6, 2], [2, 6], 6]);
});

it('asks for what is drawn in the frame of another run by its own number of that layer, and numbers the tokens as there', async () => {
  const points = vi.fn(async (_: PointsQuery) => ({
    shape: [2, 3, 2],
    data: Float32Array.from({ length: 12 }, (_, i) => i),
    notes: new Map(),
  }));
  const across = { ...CROSS, name: 'across' };
  const listed = [run('sides', layer({}), across), run('some', across), run('none', layer({}))];
  const source = numberedSource({ runs: async () => ({ runs: listed }), points } as unknown as DataSource);
  await source.runs();
  const own = await source.points(WHOLE);
  expect(await source.points({ ...WHOLE, run: 'some', inFrameOf: 'sides' })).toEqual(own);
  expect(points.mock.lastCall?.[0]).toMatchObject({ run: 'some', inFrameOf: 'sides', layer: 0 });
  await expect(source.points({ ...WHOLE, run: 'none', inFrameOf: 'sides' })).rejects.toThrow(
    'none did not record across.',
  );
  const asOwn = await source.points({ ...WHOLE, inFrameOf: 'none', layer: 0 });
  expect([asOwn.shape, points.mock.lastCall?.[0].layer]).toEqual([[2, 3, 2], 0]);
});
