import { expect, it } from 'vitest';
import { layerOf } from '../run/layer.fixture';
import { runOf } from '../run/run.fixture';
import { pinList, pinned } from './pins';

const run = runOf({ steps: [1, 2, 3, 4, 200], layers: [layerOf({ heads: 1 }), layerOf({ heads: 5 })] });

it('is written into the address and read back, each pin once, three at most', () => {
  const pins = [{ step: 200 }, { head: { layer: 1, head: 4 } }];
  expect(pinList.write(pins)).toBe('s200_1-4');
  expect(pinList.read('s200_1-4_s200', run)).toEqual(pins);
  expect(pinList.read('s1_s2_s3_s4', run)).toHaveLength(3);
  expect(pinList.read('x_1-_s', run)).toEqual([]);
});

it('is only of steps and heads that the run has', () => {
  expect(pinList.read('s5_0-1_s4', run)).toEqual([{ step: 4 }]);
});

it('follows the head or the step that it does not name', () => {
  const head = { layer: 0, head: 2 };
  expect(pinned({ step: 200 }, 900, head)).toEqual({ step: 200, layer: 0, head: 2 });
  expect(pinned({ head: { layer: 5, head: 1 } }, 900, head)).toEqual({ step: 900, layer: 5, head: 1 });
});
