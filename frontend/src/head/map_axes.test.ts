import { describe, expect, it } from 'vitest';
import { mapAxes, tickEvery } from './map_axes';

describe('the places of a head’s map are called', () => {
  it('by position', () => {
    const axes = mapAxes('first', 8, 6, null);
    expect([axes.row(7), axes.column(5), axes.says(7, 2)]).toEqual(['7', '5', 'query 7 → key 2']);
  });

  it('by share of the length where sequences are cut into parts', () => {
    const axes = mapAxes('pooled', 32, 16, null);
    expect([axes.row(16), axes.column(4)]).toEqual(['50 %', '25 %']);
    expect(axes.says(16, 0)).toBe('queries at 50–53 % → keys at 0–6 % of the length');
  });

  it('by direction from the query', () => {
    const axes = mapAxes('offsets', 5, 7, null);
    expect([axes.row(0), axes.column(6), axes.row(2)]).toEqual(['−2', '+3', '0']);
    expect(axes.zero).toEqual({ row: 2, column: 3 });
    expect([axes.says(2, 3), axes.says(1, 4)]).toEqual(['on the patch itself', '1 row up, 1 column right']);
  });

  it('by patch where the mean is over all queries', () => {
    expect(mapAxes('received', 8, 8, null).says(2, 5)).toBe('patch in row 2, column 5');
  });

  it('by distance, beside the first token, where there are bars', () => {
    const axes = mapAxes('offsets', 1, 4 + 3 + 1 + 2, { back: 3, ahead: 2 });
    const names = Array.from({ length: 10 }, (_, at) => axes.column(at));
    expect(axes.zero.column).toBe(7);
    expect(names).toEqual(['first', null, null, null, '−3', '−2', '−1', '0', '+1', '+2']);
    expect([0, 3, 6, 7, 9].map((at) => axes.says(0, at))).toEqual([
      'on the first token',
      '',
      '1 token back',
      'on itself',
      '2 tokens ahead',
    ]);
  });
});

it('writes as many names as there is room for', () => {
  expect([tickEvery(30, 26), tickEvery(13, 26), tickEvery(4, 26), tickEvery(0.1, 26)]).toEqual([1, 2, 8, 32]);
});
