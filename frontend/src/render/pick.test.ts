import { describe, expect, it } from 'vitest';
import { rotation, START } from './orbit';
import { beyondFrame, nearestPoint, placeOf, spotAt } from './pick';
import { INSET, reachIn } from './place';

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

describe('points beyond the frame', () => {
  it('stand at the border on their way from the middle, and say how far they are', () => {
    // (3, 4) is four frames out: at the border (0.75, 1), let out by 0.05 · (1 − 1/4) of it.
    const spot = spotAt([3, 4, 0], 2)!;
    const rim = 1 + 0.05 * 0.75;
    expect(spot.x).toBeCloseTo(0.5 + (INSET / 2) * 0.75 * rim);
    expect(spot.y).toBeCloseTo(0.5 - (INSET / 2) * rim);
    expect(spot.far).toBe(4);
    expect(spot.out).toEqual([0.6, -0.8]); // up on screen is less
    expect(spotAt([0.6, 1, 0], 2)!.out).toBeNull();
  });

  it('turn with a turned frame', () => {
    const [across] = spotAt([0, 0, 3], 3, rotation({ yaw: Math.PI / 2, tilt: 0 }))!.out!;
    expect(across).toBeCloseTo(1);
    expect(spotAt([0, 0, 3], 3)!.out).toEqual([1, 0]); // straight at the eye: any way will do
  });

  it('are told apart from those within, whatever has room', () => {
    const at = step('a', 3, 4, 1, -1);
    const cloud = { dims: 2 as const, from: at, to: at, mix: 0, reach: [9, 9, 9, 9] as const };
    expect([0, 1].map((point) => beyondFrame(cloud, 0, point))).toEqual([4, null]);
    expect(placeOf(cloud, 0, 0)).toEqual([0.5 + (3 * INSET) / 2, 0.5 - 2 * INSET]);
  });

  it('are found where their arrowhead is', () => {
    const at = step('a', 0, 0, 40, 0);
    const cloud = { dims: 2 as const, from: at, to: at, mix: 0 };
    expect(nearestPoint(cloud, 0, 0.98, 0.5, 0.02, [0, 1])).toBe(1);
  });
});

describe('reachIn', () => {
  const none = { left: 0, top: 0, right: 0, bottom: 0 };

  it('goes to the borders of a view, and no less far than the frame', () => {
    // A cell of 100 css pixels from x = 50 on: its middle is 100 from the left border, 300 from the right one. Half a
    // frame with its rim is 50 · 0.93 · 1.05 = 48.825.
    const [left, down, right, up] = reachIn({ scale: 100, x: 50, y: -40 }, { width: 400, height: 200 }, none);
    expect(left).toBeCloseTo(100 / 48.825);
    expect(right).toBeCloseTo(300 / 48.825);
    expect(down).toBeCloseTo(190 / 48.825);
    expect(up).toBe(1); // the frame's upper half is not in view
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
