import { describe, expect, it } from 'vitest';
import { rotation, START } from './orbit';
import { nearestPoint, placeOf } from './pick';
import { INSET } from './place';

const step = (id: string, ...points: number[]) => ({ id, heads: [Float32Array.from(points)] });

describe('placeOf', () => {
  const cloud = {
    dims: 2 as const,
    from: step('a', 0, 0, 4, 0),
    to: step('b', 1, 1, 4, 0),
  };

  it('mixes the two steps, y up', () => {
    expect(placeOf({ ...cloud, mix: 0 }, 0, 0)).toEqual([0.5, 0.5]);
    expect(placeOf({ ...cloud, mix: 0.5 }, 0, 0)).toEqual([0.5 + INSET / 4, 0.5 - INSET / 4]);
  });

  it('keeps points that outgrew the frame inside their cell', () => {
    const [x] = placeOf({ ...cloud, mix: 0 }, 0, 1)!;
    expect(x).toBeGreaterThan(0.5 + INSET / 2);
    expect(x).toBeLessThan(1);
  });

  it('has no place for what is not a number', () => {
    expect(placeOf({ ...cloud, from: step('a', Number.NaN, 0, 0, 0), mix: 0 }, 0, 0)).toBeNull();
  });

  it('keeps the corners of the turned cube in the cell', () => {
    for (let i = 0; i < 8; i++) {
      const corner = step('c', i & 1 ? 1 : -1, i & 2 ? 1 : -1, i & 4 ? 1 : -1);
      const turned = { dims: 3 as const, from: corner, to: corner, mix: 0 };
      const [x, y] = placeOf({ ...turned, rotation: rotation(START) }, 0, 0)!;
      expect(Math.min(x, y)).toBeGreaterThan(0);
      expect(Math.max(x, y)).toBeLessThan(1);
    }
  });
});

describe('nearestPoint', () => {
  const cloud = {
    dims: 2 as const,
    from: step('a', 0, 0, 0.5, 0, 0.5, 0),
    to: step('a', 0, 0, 0.5, 0, 0.5, 0),
    mix: 0,
  };

  it('finds the nearest within reach; of two at one place, the one on top', () => {
    expect(nearestPoint(cloud, 0, 0.51, 0.5, 0.05, [0, 1, 2])).toBe(0);
    expect(nearestPoint(cloud, 0, 0.73, 0.5, 0.05, [0, 1, 2])).toBe(2);
    expect(nearestPoint(cloud, 0, 0.9, 0.9, 0.05, [0, 1, 2])).toBeNull();
  });

  it('finds only what is drawn', () => {
    expect(nearestPoint(cloud, 0, 0.73, 0.5, 0.05, [0, 1])).toBe(1);
  });
});
