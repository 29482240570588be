import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { layerOf } from '../run/layer.fixture';
import { DEFAULT_PROJECTION } from '../run/projection';
import { runOf } from '../run/run.fixture';
import { ArchiveSource } from './archive';
import type { PageIndex } from './page_index';

const layer = (number: number) => layerOf({ number, heads: 2, head_numbers: [0, 1] });
const index: PageIndex = {
  version: 1,
  by: 'tb-attnviz 0.1.0',
  title: 'run',
  recorded: { steps: 9, layers: [0, 1, 2], heads: 6, sequences: 5 },
  run: runOf({
    run: 'run',
    steps: [0, 400],
    layers: [layer(0), layer(2)],
    sequences: 5,
    queries: 1,
    keys: 1,
  }),
  projections: [{ ...DEFAULT_PROJECTION, method: 'tsne', perplexity: 50 }],
  dims: [2],
  detail: [[1, 0]],
  sequences: 2,
  trust: false,
  parts: ['images', 'figures', 'values'],
};

/** As tb_attnviz/export/packing.py packs an array. */
function packed(header: object, numbers: Int16Array | Uint16Array): string {
  const text = Buffer.from(JSON.stringify(header).padEnd(64));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return gzipSync(Buffer.concat([length, text, Buffer.from(numbers.buffer)])).toString('base64');
}

const pieces: Readonly<Record<string, string>> = {
  'points-0-2-1-400': packed(
    { shape: [2, 2, 2], scale: 2, notes: { 1: 'all its keys are equal' } },
    Int16Array.of(32767, 0, -32767, -32768, 0, 0, 16384, 1),
  ),
  'attention-1-0-400': packed(
    {
      shapes: [
        [1, 1],
        [1, 2],
        [2, 1],
      ],
    },
    Uint16Array.of(65534, 0, 65534, 13107, 65535),
  ),
  'weighted-1-0-400': packed({ shapes: [[1, 2]] }, Uint16Array.of(16384, 49150)),
  // 1.5, −2, the least that float16 knows, infinity, and what is none of these
  'norm-1-400': packed({ shape: [1, 5], scale: 0.25 }, Uint16Array.of(0x3e00, 0xc000, 1, 0x7c00, 0x7e00)),
  'change-1-400': packed({ shape: [1, 2], scale: 1, since: [0] }, Int16Array.of(32767, -32768)),
  'similarity-400': packed({ shape: [2, 2], scale: 1 }, Int16Array.of(32767, 0, 0, 32767)),
  'image-tokens-1': gzipSync(Buffer.from('PNG')).toString('base64'),
};
const source = new ArchiveSource(index, (name) => pieces[name] ?? null);
const [projection = DEFAULT_PROJECTION] = index.projections;
const place = { run: 'run', step: 400, layer: 1, projection, dims: 2 as const, frame: 400 };

it('gives the points of a layer, and of one head of it', async () => {
  const layer = await source.points(place);
  expect(layer.shape).toEqual([2, 2, 2]);
  expect([...layer.data.subarray(0, 4)]).toEqual([2, 0, -2, Number.NaN]);
  const head = await source.points({ ...place, head: 1 });
  expect(head.shape).toEqual([1, 2, 2]);
  expect(head.data[2]).toBeCloseTo(1, 4);
  expect(head.notes).toEqual(new Map([[1, 'all its keys are equal']]));
});

it('tells evidence that it does not hold from evidence that there is none', async () => {
  const shown = { sequence: 1 };
  const finding = (kind: string, evidence?: object | null) => ({
    kind,
    ...(evidence !== undefined && { evidence }),
  });
  const heads = [
    { layer: 0, head: 0, findings: [finding('previous')] },
    { layer: 1, head: 0, findings: [finding('induction', shown), finding('dead', null), finding('local')] },
  ];
  const named = gzipSync(JSON.stringify({ run: 'run', step: 400, heads })).toString('base64');
  const page = new ArchiveSource(index, (name) => (name === 'findings-400' ? named : null));
  const of = (layer: number, kind: string) => page.evidence({ run: 'run', step: 400, layer, head: 0, kind });
  expect(await Promise.all([of(1, 'induction'), of(1, 'dead'), of(1, 'unknown')])).toEqual([
    shown,
    null,
    null,
  ]);
  await expect(of(0, 'previous')).rejects.toThrow('holds the attention of L2 H0, and not of this head');
  await expect(of(1, 'local')).rejects.toThrow('in none of the first 2 of 5 sequences');
});

it('sums attention up over an image', async () => {
  // one row of two patches: the left gives 1/4 to itself and 3/4 to the right one, which gives all to itself
  const image = {
    tokens: ['r0c0', 'r0c1'],
    grid: { rows: 1, columns: 2 },
    places: [
      [0, 0],
      [0, 1],
    ],
  };
  const [text, seen] = [
    { tokens: ['a'], grid: null, places: null, image: null },
    { ...image, image: null },
  ];
  const more: Readonly<Record<string, string>> = {
    probe: gzipSync(JSON.stringify({ run: 'run', sequences: [seen, text] })).toString('base64'),
    'attention-0-0-0': packed(
      {
        shapes: [
          [2, 2],
          [1, 1],
          [2, 2],
        ],
      },
      Uint16Array.of(16384, 49150, 0, 65534, 65534),
    ),
  };
  const page = new ArchiveSource(index, (name) => more[name] ?? null);
  const query = { run: 'run', step: 0, layer: 0, head: 0 };
  const { offsets, distance } = await page.imageSummary({ ...query, sequence: 0 });
  expect([...offsets].map((weight) => weight.toFixed(3))).toEqual(['0.000', '0.625', '0.750']);
  expect(distance).toBeCloseTo(0.375, 3);
  await expect(page.imageSummary({ ...query, sequence: 1 })).rejects.toThrow('Sequence 1 is no image.');
});

it('gives the attention within a sequence, and the mean', async () => {
  const query = { run: 'run', step: 400, layer: 1, head: 0 };
  expect([...(await source.attention({ ...query, sequence: 1 })).data]).toEqual([0, 1]);
  const mean = await source.attention({ ...query, sequence: 'mean' });
  expect(mean.shape).toEqual([2, 1]);
  expect(mean.data[0]).toBeCloseTo(0.2, 4);
  expect(mean.data[1]).toBeNaN();
  const row = await source.attention({ ...query, sequence: 1, query: 0 });
  expect([row.shape, ...row.data]).toEqual([[1, 2], 0, 1]);
  const column = await source.attention({ ...query, sequence: 1, key: 1 });
  expect([column.shape, ...column.data]).toEqual([[1, 1], 1]);
  const weighted = await source.attention({ ...query, sequence: 0, weight: 'values' });
  expect(weighted.data[1]).toBeCloseTo(0.75, 4);
  await expect(source.attention({ ...query, step: 0, sequence: 0, weight: 'values' })).rejects.toThrow(
    'weighted by values where these were recorded',
  );
  await expect(source.attention({ ...query, sequence: 4 })).rejects.toThrow(
    'the first 2 of 5 sequences, not within 4',
  );
  await expect(source.attention({ ...query, head: 1, sequence: 0 })).rejects.toThrow(
    'it holds that of L2 H0',
  );
});

it('gives figures of points in full range', async () => {
  const { shape, data } = await source.pointFigures({ run: 'run', step: 400, layer: 1, figure: 'norm' });
  expect(shape).toEqual([1, 5]);
  expect([...data]).toEqual([0.375, -0.5, 2 ** -26, Number.POSITIVE_INFINITY, Number.NaN]);
  await expect(
    source.pointFigures({ run: 'run', step: 400, layer: 1, figure: 'value_norm' }),
  ).rejects.toThrow('does not hold this figure of points (value_norm)');
});

it('gives how far heads changed, both ways, and how alike they are', async () => {
  for (const [step, since] of [
    [400, 0],
    [0, 400],
  ] as const) {
    const change = await source.change({ run: 'run', step, since, layer: 1 });
    expect(change.shape).toEqual([2]);
    expect([...change.data]).toEqual([1, Number.NaN]);
  }
  await expect(source.change({ run: 'run', step: 400, since: 100, layer: 1 })).rejects.toThrow(
    'from step 100 to 400: it goes back to step 0 from there',
  );
  const table = await source.similarity({ run: 'run', step: 400 });
  expect([table.shape, [...table.data]]).toEqual([
    [2, 2],
    [1, 0, 0, 1],
  ]);
});

it('gives pictures', async () => {
  const picture = await source.image('run', 1, 'tokens');
  expect([picture.type, await picture.text()]).toEqual(['image/png', 'PNG']);
  await expect(source.image('run', 0, 'tokens')).rejects.toThrow('does not hold the picture of sequence 0');
});

it('says what it does not hold', async () => {
  await expect(source.points({ ...place, step: 200 })).rejects.toThrow('does not hold step 200');
  await expect(source.points({ ...place, projection: DEFAULT_PROJECTION })).rejects.toThrow(
    'this projection',
  );
  expect(source.offers.says).toContain(
    'This page holds 2 of 9 steps (0, 400) and 4 of 6 heads. Layer 1 was not exported.',
  );
  expect(source.offers.says).toContain(
    'The trust in pictures, how far heads changed and how alike they are did not come along.',
  );
  expect(source.offers.comparisons).toBe(false);
  expect(() => new ArchiveSource({ ...index, version: 2 }, () => null)).toThrow('reads version 1');
});

it('holds who feeds the heads in detail, and nobody where the run recorded none', async () => {
  const of = { run: 'run', layer: 1, head: 0 };
  const none = { ...of, steps: [], fed_by: [], feeds: [] };
  expect(await new ArchiveSource(index, () => null).connections(of)).toEqual(none);
  const fed_by = [{ layer: 0, head: 1, by: 'keys', contributions: [2], shares: [1], since: [0] }];
  const held = { steps: [400], heads: { '1-0': { fed_by, feeds: [] } } };
  const page = new ArchiveSource(index, (name) =>
    name === 'connections' ? gzipSync(JSON.stringify(held)).toString('base64') : null,
  );
  expect(await page.connections(of)).toEqual({ ...of, steps: [400], fed_by, feeds: [] });
  await expect(page.connections({ ...of, layer: 0 })).rejects.toThrow('who feeds L2 H0, and not this head');
});
