import { describe, expect, it } from 'vitest';
import { arrowhead, halvesOf, Outliers } from './arrowheads';

describe('arrowheads', () => {
  it('are longer the farther a point is, and larger than a dot in small cells', () => {
    expect(halvesOf(8, 1)).toEqual([5, 5]);
    expect(halvesOf(8, 8)).toEqual([5 * 1.9, 5]);
    expect(halvesOf(8, 1e9)).toEqual([11, 5]);
    expect(halvesOf(2, 1)[1]).toBe(2.25);
    expect(halvesOf(1, 1)[1]).toBe(1.25);
  });

  it('point out', () => {
    expect(arrowhead(10, 10, [0, -1], [4, 2])).toBe('M10 6L12 14 8 14Z');
  });
});

describe('Outliers', () => {
  const step = (id: string, ...heads: (number[] | null)[]) => ({
    id,
    heads: heads.map((head) => head && Float32Array.from(head)),
  });
  const from = step('a', [0, 0, 1.5, 0], null);
  const to = step('b', [0, -2, 1, 1], [Number.NaN, 0, 0, 1.0005]);

  it('are the points of the list that are out at one of the two steps', () => {
    const list = Uint32Array.of(3, 2, 1, 0);
    expect(new Outliers().find(list, { from, to }, 2, 2)).toEqual(Uint32Array.of(1, 0));
    expect(new Outliers().find(list, { from, to }, 2, 2, [1, 2, 1, 1])).toEqual(Uint32Array.of(1));
  });

  it('are looked for once', () => {
    const [outliers, list] = [new Outliers(), Uint32Array.of(0, 1)];
    const found = outliers.find(list, { from, to }, 2, 2);
    expect(outliers.find(list, { from, to }, 2, 2)).toBe(found);
    expect(outliers.find(list, { from, to: from }, 2, 2)).not.toBe(found);
  });
});
