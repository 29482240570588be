import { describe, expect, it } from 'vitest';
import { DEFAULT_PROJECTION } from '../run/projection';
import { SyntheticSource } from './synthetic';

const query = {
  run: 'synthetic',
  step: 400,
  layer: 2,
  projection: DEFAULT_PROJECTION,
  dims: 2,
  frame: 4000,
} as const;

describe('SyntheticSource', () => {
  it('answers in the shapes that its run promises', async () => {
    const source = new SyntheticSource();
    const run = (await source.runs()).runs[0]!;
    const { sequences } = await source.probe('synthetic');
    expect(sequences.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBe(run.queries);
    expect((await source.points(query)).shape).toEqual([run.layers[2]!.heads, run.queries + run.keys, 2]);
    const { figures, steps, digest: known, rows } = await source.healthSteps('synthetic', null);
    expect([figures, steps]).toEqual([run.figures, run.steps]);
    const heads = run.layers.reduce((sum, layer) => sum + layer.heads, 0);
    const asked = { run: 'synthetic', rows, known, from: 0, to: 3 };
    expect((await source.healthRows(asked)).shape).toEqual([3, figures.length, heads]);
    expect((await source.healthFigure({ ...asked, figure: 'entropy', every: 2 })).shape).toEqual([
      4,
      2,
      heads,
    ]);
    expect((await source.healthRange({ ...asked, every: 1, head: 1 })).shape).toEqual([figures.length, 2, 3]);
  });

  it('is the same on every visit', async () => {
    const [a, b] = await Promise.all([
      new SyntheticSource().points(query),
      new SyntheticSource().points(query),
    ]);
    expect(a.data).toEqual(b.data);
  });

  it('changes from step to step, and not from a step to itself', async () => {
    const source = new SyntheticSource();
    const change = await source.change({ run: 'synthetic', step: 2000, since: 0, layer: 2 });
    expect(change.shape).toEqual([6]);
    expect(change.data.every((x) => x > 0 && x < 1)).toBe(true);
    const none = await source.change({ run: 'synthetic', step: 400, since: 400, layer: 2 });
    expect([...none.data]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('keeps the points of its frame within [-1, 1]', async () => {
    const { data } = await new SyntheticSource().points(query);
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(1);
  });

  it('gives causal attention whose rows sum to 1', async () => {
    const source = new SyntheticSource();
    const { shape, data } = await source.attention({
      run: 'synthetic',
      step: 4000,
      layer: 0,
      head: 0,
      sequence: 1,
    });
    const n = shape[0]!;
    for (let i = 0; i < n; i++) {
      const row = data.subarray(i * n, (i + 1) * n);
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
      expect(row.subarray(i + 1).every((weight) => weight === 0)).toBe(true);
    }
  });

  it('has small maps of its attention, by position and by distance', async () => {
    const source = new SyntheticSource();
    const run = (await source.runs()).runs[0]!;
    expect(run.maps).toEqual({ steps: run.steps, kinds: ['text', 'repeated'] });
    const query = { run: 'synthetic', step: 4000, kind: 'repeated' };
    const { shape, data } = await source.maps({ ...query, part: 'first' });
    expect(shape).toEqual([42, 24, 24]);
    const rows = Array.from({ length: 24 }, (_, row) =>
      data.subarray(24 * row, 24 * (row + 1)).reduce((sum, code) => sum + ((code - 1) / 254) ** 2, 0),
    );
    for (const sum of rows) expect(sum).toBeCloseTo(1, 1);
    const offsets = await source.maps({ ...query, part: 'offsets' });
    expect(offsets.shape).toEqual([42, 1, 47]);
    expect([...offsets.data.subarray(24, 47)]).toEqual(new Array(23).fill(0)); // it is causal
  });

  it('tells of the fitting of a frame once, then answers', async () => {
    const source = new SyntheticSource({ fitting: 1 });
    const heard: number[] = [];
    const onProgress = ({ total }: { total: number }) => heard.push(total);
    await source.points(query, { onProgress });
    await source.points(query, { onProgress });
    expect(heard).toEqual([1]);
  });
});
