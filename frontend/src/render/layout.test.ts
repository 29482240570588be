import { describe, expect, it } from 'vitest';
import { headAt, headNumber, headPlace, headsWithin, makeGrid, neighbour } from './layout';

const ragged = makeGrid([3, 1, 2]);

describe('a grid of ragged layers', () => {
  it('counts heads over all layers and finds them again', () => {
    expect([ragged.total, ragged.rows, ragged.columns]).toEqual([6, 3, 3]);
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
