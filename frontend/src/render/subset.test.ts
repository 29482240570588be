import { describe, expect, it } from 'vitest';
import { drawList, pointOrder, subsetSize } from './subset';

describe('pointOrder', () => {
  it('holds every point once, the same on every call', () => {
    const order = pointOrder(50, 50);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(pointOrder(50, 50)).toEqual(order);
    expect(new Set(pointOrder(5, 9)).size).toBe(14);
  });

  it('sets each query beside the key of its token', () => {
    const order = pointOrder(50, 50);
    for (let i = 0; i < 100; i += 2) expect(order[i + 1]).toBe(order[i]! + 50);
  });
});

describe('subsetSize', () => {
  it('shows everything where there is room and never less than something', () => {
    expect(subsetSize(5056, 600, 1, 1e5)).toBe(5056);
    expect(subsetSize(5056, 3, 5120, 1e5)).toBeGreaterThan(0);
    expect(subsetSize(5, 3, 1, 1e5)).toBe(5);
  });

  it('keeps to the budget over all heads', () => {
    expect(50 * subsetSize(5056, 140, 50, 80_000)).toBeLessThanOrEqual(80_000);
  });

  it('grows with the cell, in few steps', () => {
    const sizes = Array.from({ length: 200 }, (_, i) => subsetSize(5056, 20 + i, 144, 1e5));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBeLessThan(15);
  });
});

describe('drawList', () => {
  it('numbers vertices head by head and draws lit points last', () => {
    const list = drawList(Uint32Array.of(0, 2), 10, [Uint32Array.of(7, 3), Uint32Array.of(1)], [4]);
    expect([...list]).toEqual([7, 3, 21, 4, 24]);
  });
});
