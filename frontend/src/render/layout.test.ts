import { describe, expect, it } from 'vitest';
import { arrangeByLayer, arrangeInOrder, bestColumns, betterTurned } from './arrange';
import {
  cellOf,
  countHeads,
  FOLDED,
  firstHead,
  glide,
  headAt,
  headNumber,
  headPlace,
  headsWithin,
  makeGrid,
  neighbour,
  rowAt,
} from './layout';

const ragged = makeGrid([3, 1, 2]);

describe('a grid of ragged layers', () => {
  it('counts heads over all layers and finds them again', () => {
    expect([ragged.total, ragged.rows.length, ragged.columns]).toEqual([6, 3, 3]);
    expect(headNumber(ragged, { layer: 2, head: 1 })).toBe(5);
    for (let i = 0; i < ragged.total; i++) expect(headNumber(ragged, headPlace(ragged, i))).toBe(i);
  });

  it('lays layers down and heads across', () => {
    const [left, top] = ragged.rects.subarray(4 * headNumber(ragged, { layer: 2, head: 1 }));
    expect(left).toBeCloseTo(1.035);
    expect(top).toBeCloseTo(2.035);
  });

  it('knows where there is no head', () => {
    expect(headAt(ragged, 0.5, 1.5)).toEqual({ layer: 1, head: 0 });
    expect(headAt(ragged, 1.5, 1.5)).toBeNull();
    expect(headAt(ragged, -0.1, 0.5)).toBeNull();
    expect(headAt(ragged, 0.5, -0.1)).toBeNull();
    expect(headAt(ragged, 0.5, 3.1)).toBeNull();
  });

  it('lists the heads in view', () => {
    expect([...headsWithin(ragged, -5, -5, 50, 50)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...headsWithin(ragged, 1.2, 0.3, 1.9, 2.5)]).toEqual([1, 5]);
  });

  it('walks without leaving: a short layer takes its last head', () => {
    expect(neighbour(ragged, { layer: 0, head: 2 }, 0, 1)).toEqual({ layer: 1, head: 0 });
    expect(neighbour(ragged, { layer: 0, head: 0 }, -1, 0)).toEqual({ layer: 0, head: 0 });
    expect(neighbour(ragged, { layer: 2, head: 1 }, 1, 1)).toEqual({ layer: 2, head: 1 });
  });
});

describe('layers in groups', () => {
  // Decoder layers alternate between self- and cross-attention; heads 1 of all layers are filtered out.
  const numbering = countHeads([2, 3, 3, 2]);
  const groups = [
    { title: 'Self', layers: [0, 2] },
    { title: 'Cross', layers: [1, 3] },
  ];
  const grid = arrangeByLayer(numbering, groups, (number) => headPlace(numbering, number).head !== 1);

  it('stand together under their headings, apart from the others', () => {
    expect(grid.rows.map(({ layer }) => layer)).toEqual([0, 2, 1, 3]);
    expect(grid.headings.map(({ title }) => title)).toEqual(['Self', 'Cross']);
    const tops = grid.rows.map(({ top }) => top);
    expect(tops[1]! - tops[0]!).toBe(1);
    expect(tops[2]! - tops[1]!).toBeGreaterThan(1.3);
    expect(grid.headings[1]!.top).toBe(tops[2]);
  });

  it('leave out rows and columns without heads, and keep the columns of the others', () => {
    expect([grid.shown, grid.columns]).toEqual([6, 2]);
    expect(cellOf(grid, 1)).toBeNull();
    expect(cellOf(grid, headNumber(grid, { layer: 1, head: 2 }))!.x).toBeCloseTo(1.035);
    const few = arrangeByLayer(numbering, groups, (number) => number === 9);
    expect(few.rows.map(({ layer }) => layer)).toEqual([3]);
    expect(few.headings.map(({ title }) => title)).toEqual(['Cross']);
  });

  it('have no head in the gap, and are walked over across it', () => {
    const gap = grid.rows[2]!.top - 0.2;
    expect(headAt(grid, 0.5, gap)).toBeNull();
    expect(headAt(grid, 0.5, gap + 0.3)).toEqual({ layer: 1, head: 0 });
    expect(neighbour(grid, { layer: 2, head: 0 }, 0, 1)).toEqual({ layer: 1, head: 0 });
    expect(neighbour(grid, { layer: 1, head: 0 }, 1, 0)).toEqual({ layer: 1, head: 2 });
    expect(neighbour(grid, { layer: 1, head: 2 }, 0, 1)).toEqual({ layer: 3, head: 0 });
  });

  it('may be empty', () => {
    const none = arrangeByLayer(numbering, groups, () => false);
    expect([none.shown, none.rows.length, firstHead(none)]).toEqual([0, 0, null]);
    expect(headAt(none, 0.5, 0.5)).toBeNull();
    expect(headsWithin(none, 0, 0, 9, 9)).toHaveLength(0);
    expect(neighbour(none, { layer: 1, head: 0 }, 1, 0)).toEqual({ layer: 1, head: 0 });
  });
});

describe('layers that are folded', () => {
  // Of three layers of two heads the middle one.
  const numbering = countHeads([2, 2, 2]);
  const groups = [{ title: '', layers: [0, 1, 2] }];
  const folded = (layer: number) => layer === 1;
  const grid = arrangeByLayer(numbering, groups, () => true, { folded });

  it('are thin rows of tiles under their columns', () => {
    expect([grid.height, grid.shown]).toEqual([2 + FOLDED, 6]);
    const { x, y, side } = cellOf(grid, 3)!;
    expect(side).toBeCloseTo(0.93 * FOLDED);
    expect(x + side / 2).toBeCloseTo(1.5);
    expect(y + side / 2).toBeCloseTo(1 + FOLDED / 2);
  });

  it('are pointed at and walked through, and want no points', () => {
    expect(headAt(grid, 1.1, 1.1)).toEqual({ layer: 1, head: 1 });
    expect(headAt(grid, 1.1, 1 + FOLDED + 0.1)).toEqual({ layer: 2, head: 1 });
    expect(rowAt(grid, 9, 1.1)?.layer).toBe(1);
    expect(neighbour(grid, { layer: 0, head: 1 }, 0, 1)).toEqual({ layer: 1, head: 1 });
    expect([...headsWithin(grid, 0, 0, 2, 3)]).toEqual([0, 1, 4, 5]);
  });
});

describe('a matrix that is turned', () => {
  const numbering = countHeads([2, 1, 2]);
  const groups = [{ title: '', layers: [0, 1, 2] }];
  const grid = arrangeByLayer(numbering, groups, () => true, {
    folded: (layer) => layer === 0,
    turned: true,
  });

  it('has layers side by side, each from top to bottom', () => {
    expect([grid.width, grid.height]).toEqual([2 + FOLDED, 2]);
    const { x, y } = cellOf(grid, headNumber(grid, { layer: 2, head: 1 }))!;
    expect(x).toBeCloseTo(1 + FOLDED + 0.035);
    expect(y).toBeCloseTo(1.035);
    expect(headAt(grid, FOLDED + 0.1, 0.5)).toEqual({ layer: 1, head: 0 });
    expect(headAt(grid, FOLDED + 0.1, 1.5)).toBeNull();
    expect([...headsWithin(grid, 1.5, 0.1, 9, 0.9)]).toEqual([3]);
  });

  it('is walked as it is seen', () => {
    expect(neighbour(grid, { layer: 1, head: 0 }, 1, 0)).toEqual({ layer: 2, head: 0 });
    expect(neighbour(grid, { layer: 2, head: 0 }, 0, 1)).toEqual({ layer: 2, head: 1 });
    expect(neighbour(grid, { layer: 2, head: 1 }, -1, 0)).toEqual({ layer: 1, head: 0 });
  });

  it('is one where cells are larger so, and stays so while the room changes a little', () => {
    expect(betterTurned(80, 64, 1280 / 484, false)).toBe(true);
    expect(betterTurned(24, 16, 1280 / 484, false)).toBe(true);
    expect(betterTurned(12, 12, 1280 / 484, false)).toBe(false);
    expect(betterTurned(12, 16, 1280 / 484, false)).toBe(false);
    expect(betterTurned(24, 16, 1, true)).toBe(true); // no reason to turn back
    expect(betterTurned(24, 16, 0.5, true)).toBe(false);
  });
});

describe('heads in order', () => {
  const numbering = countHeads([3, 3]);
  const grid = arrangeInOrder(numbering, [5, 0, 3, 2, 4], 1.5);

  it('wrap into rows, and Right goes on in the next one', () => {
    expect(grid.rows.map(({ numbers }) => [...numbers])).toEqual([
      [5, 0, 3],
      [2, 4, -1],
    ]);
    expect(headAt(grid, 0.5, 1.5)).toEqual({ layer: 0, head: 2 });
    expect(neighbour(grid, { layer: 1, head: 0 }, 1, 0)).toEqual({ layer: 0, head: 2 });
    expect(neighbour(grid, { layer: 0, head: 2 }, -1, 0)).toEqual({ layer: 1, head: 0 });
    expect(neighbour(grid, { layer: 1, head: 1 }, 1, 0)).toEqual({ layer: 1, head: 1 });
    expect(neighbour(grid, { layer: 0, head: 1 }, 1, 0)).toEqual({ layer: 1, head: 2 }); // it has no cell
  });

  it('fill the room', () => {
    expect(bestColumns(12, 3)).toBe(6);
    expect(bestColumns(12, 1 / 3)).toBe(2);
    expect(bestColumns(5120, 16 / 9)).toBe(95); // in 54 rows; 94 columns would need 55
    expect(bestColumns(1, 2)).toBe(1);
  });
});

describe('cells that glide', () => {
  it('go straight, and grow or shrink where they are', () => {
    const from = Float32Array.of(0, 0, 1, 0, 4, 4, 1, 0, 0, 0, 0, 0);
    const to = Float32Array.of(2, 6, 1, 0, 0, 0, 0, 0, 8, 8, 1, 0);
    expect([...glide(from, to, 0.5)]).toEqual([1, 3, 1, 0, 4.25, 4.25, 0.5, 0, 8.25, 8.25, 0.5, 0]);
    expect([...glide(from, to, 1)].slice(8)).toEqual([8, 8, 1, 0]);
    expect([...glide(from, to, 0)].slice(0, 8)).toEqual([...from.slice(0, 8)]);
  });
});
