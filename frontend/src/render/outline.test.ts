import { describe, expect, it } from 'vitest';
import { noise } from '../base/noise';
import { outlineOf } from './outline';

/** Points spread evenly over a disc, x and y in turn. */
function disc(cx: number, cy: number, radius: number, count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const far = radius * Math.sqrt(noise(seed, 2 * i));
    const angle = 2 * Math.PI * noise(seed, 2 * i + 1);
    return [cx + far * Math.cos(angle), cy + far * Math.sin(angle)];
  }).flat();
}

/** Whether a place lies within closed lines: a ray to the right crosses them an odd number of times. */
function within(lines: Float32Array, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0; i < lines.length; i += 4) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = lines.subarray(i, i + 4);
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  }
  return inside;
}

describe('the outline of a cloud', () => {
  it('holds about the share of the points that it is asked for', () => {
    const points = Float32Array.from(disc(0.5, 0.5, 0.3, 900, 1));
    for (const share of [0.5, 0.9]) {
      const lines = outlineOf(points, share);
      let count = 0;
      for (let i = 0; i < points.length; i += 2)
        if (within(lines, points[i] ?? 0, points[i + 1] ?? 0)) count++;
      expect(count / 900).toBeCloseTo(share, 1);
    }
  });

  it('lies around each of two clouds and not between them', () => {
    const lines = outlineOf(
      Float32Array.from([...disc(0.25, 0.3, 0.12, 400, 2), ...disc(0.75, 0.7, 0.12, 400, 3)]),
      0.9,
    );
    expect(within(lines, 0.25, 0.3)).toBe(true);
    expect(within(lines, 0.75, 0.7)).toBe(true);
    expect(within(lines, 0.5, 0.5)).toBe(false);
    expect(within(lines, 0.75, 0.3)).toBe(false);
  });

  it('is closed: every corner is the end of two lines', () => {
    const lines = outlineOf(Float32Array.from(disc(0.1, 0.9, 0.3, 500, 4)), 0.8); // partly out of the cell
    const ends = new Map<string, number>();
    for (let i = 0; i < lines.length; i += 2) {
      const corner = `${lines[i]?.toFixed(5)} ${lines[i + 1]?.toFixed(5)}`;
      ends.set(corner, (ends.get(corner) ?? 0) + 1);
    }
    expect(lines.length).toBeGreaterThan(0);
    expect([...ends.values()].every((count) => count % 2 === 0)).toBe(true);
  });

  it('leaves out points that are not there, and few ones', () => {
    const points = disc(0.5, 0.5, 0.2, 300, 5);
    const gaps = Array.from({ length: 100 }, () => Number.NaN);
    expect(outlineOf(Float32Array.from([...points, ...gaps]), 0.8)).toEqual(
      outlineOf(Float32Array.from(points), 0.8),
    );
    expect(outlineOf(Float32Array.from(points.slice(0, 16)), 0.8)).toHaveLength(0);
    expect(outlineOf(new Float32Array(0), 0.8)).toHaveLength(0);
  });
});
