import { expect, it } from 'vitest';
import { parseNpy } from '../base/npy';
import { makeGrid } from '../render/layout';
import { layerOf } from '../run/layer.fixture';
import { indexTokens } from '../run/places';
import { wholeHealth } from '../run/whole_health';
import { attentionCsv, healthCsv, healthNpy, pointsCsv, pointsNpy } from './tables';

/** One recorded layer, the model's fifth, of which heads 2 and 7 were recorded. */
const layer = layerOf({ number: 5, heads: 2, head_numbers: [2, 7], queries: 3, keys: 3 });
const tokens = indexTokens({
  run: 'run',
  sequences: [
    { kind: 'text', tokens: ['a,b', '"c"'], repeat: null },
    { kind: 'text', tokens: ['d'], repeat: null },
  ],
});
const points = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5);

it('has a row a point, named as on screen', () => {
  const rows = pointsCsv(
    [{ layer: 0, head: 1, step: 40, points }],
    2,
    { layers: [layer], queries: 3 },
    tokens,
  ).split('\r\n');
  expect(rows.slice(0, 4)).toEqual([
    'layer,head,step,point,kind,token,sequence,position,x,y',
    '5,7,40,0,query,"a,b",0,0,0,1',
    '5,7,40,1,query,"""c""",0,1,2,3',
    '5,7,40,2,query,d,1,0,4,5',
  ]);
  expect(rows[6]).toBe('5,7,40,5,key,d,1,0,10,11.5');
});

it('has only the points that a layer has, under its own numbers, and says of which tokens they are', () => {
  const run = {
    layers: [{ ...layer, keys_of: 'key_tokens', keys: 2 } as const],
    queries: 3,
    lists: [
      { of: 'tokens', grid: null, first: 0, tokens: 1 },
      { of: 'key_tokens', grid: null, first: 1, tokens: 2 },
    ],
  } as const;
  const other = { kind: 'text', tokens: ['x', 'y'], repeat: null };
  const both = indexTokens(
    { run: 'run', sequences: [{ kind: 'text', tokens: ['a'], repeat: null, key_tokens: other }] },
    run.lists,
  );
  const rows = pointsCsv([{ layer: 0, head: 0, step: 40, points }], 2, run, both).split('\r\n');
  expect(rows).toEqual([
    'layer,head,step,point,kind,token,sequence,position,list,x,y',
    '5,2,40,0,query,a,0,0,tokens,0,1',
    '5,2,40,1,key,x,0,0,key_tokens,8,9',
    '5,2,40,2,key,y,0,1,key_tokens,10,11.5',
    '',
  ]);
});

it('has NaN where a head has no picture', () => {
  const none = { layer: 0, head: 0, step: 40, points: null };
  const file = pointsNpy([none, { ...none, head: 1, points }], 2, 6, [2]);
  const { shape, data } = parseNpy(file.buffer);
  expect(shape).toEqual([2, 6, 2]);
  expect(data.slice(0, 12).every(Number.isNaN)).toBe(true);
  expect(data.slice(12)).toEqual(points);
});

it('has a row a pair of tokens', () => {
  const weights = Float32Array.of(1, 0, 0.25, 0.75);
  const all = [
    { layer: 0, head: 0, step: 7, sequence: 'mean', queries: ['0', '1'], keys: ['0', '1'], weights },
  ];
  expect(attentionCsv(all, [layer], 'attention').split('\r\n')[3]).toBe('5,2,7,mean,1,1,0,0,0.25');
});

it('has a row a step and head with every figure', () => {
  const health = wholeHealth({
    run: 'run',
    digest: '',
    steps: [0, 10],
    heads: [2],
    figures: {
      entropy: [
        [0.5, 'NaN'],
        [0.25, 1],
      ],
      sink: [
        [0, 0],
        [0, 'Infinity'],
      ],
    },
  });
  const rows = healthCsv(health, makeGrid([2]), [layer]).split('\r\n');
  expect(rows.slice(0, 3)).toEqual(['step,layer,head,entropy,sink', '0,5,2,0.5,0', '0,5,7,nan,0']);
  expect(rows[4]).toBe('10,5,7,1,inf');
  const file = healthNpy(health, makeGrid([2]), [layer]);
  const header = new TextDecoder('latin1').decode(file.subarray(10, 128 + 64));
  expect(header).toContain(
    "'descr': [('step', '<i8'), ('layer', '<i8'), ('head', '<i8'), ('entropy', '<f4'), ('sink', '<f4')]",
  );
  const view = new DataView(file.buffer, file.length - 4 * 32);
  expect([view.getBigInt64(64, true), view.getBigInt64(72, true), view.getFloat32(88, true)]).toEqual([
    10n,
    5n,
    0.25,
  ]);
});
