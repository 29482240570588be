import { expect, it } from 'vitest';
import { columnsOf, labelEvery, pairAt, sheetOf, zoomed } from './sheet';

it('shows the whole map with its words where there is room', () => {
  const sheet = sheetOf(400, 400, 20, 8, null);
  expect(sheet.words).toBe(true);
  expect(sheet.left + 20 * sheet.cell).toBeLessThanOrEqual(400);
  expect(labelEvery(sheet, 20)).toBe(1);
});

it('shows a long sentence whole, with numbers, and its words when zoomed in', () => {
  const sheet = sheetOf(560, 560, 512, 8, null);
  expect([sheet.words, labelEvery(sheet, 512)]).toEqual([false, 50]);
  expect(sheet.left + 512 * sheet.cell).toBeLessThanOrEqual(560);
  expect(sheetOf(560, 560, 512, 8, 16)).toMatchObject({ cell: 16, words: true });
  expect(sheetOf(100, 100, 512, 8, null).cell).toBe(0.25);
  expect([zoomed(0.3, 0.5), zoomed(20, 2)]).toEqual([0.25, 28]);
});

it('finds the pair under the pointer, and a label’s token', () => {
  const sheet = { cell: 10, left: 50, top: 40, words: true };
  expect(pairAt(sheet, 5, 55, 69)).toEqual({ query: 2, key: 0 });
  expect(pairAt(sheet, 5, 20, 45)).toEqual({ query: 0, key: null });
  expect(pairAt(sheet, 5, 72, 10)).toEqual({ query: null, key: 2 });
  expect(pairAt(sheet, 5, 20, 10)).toBe(null);
  expect(pairAt(sheet, 5, 120, 60)).toBe(null);
});

it('sets maps side by side so that each is as large as can be', () => {
  expect([columnsOf(3, 900, 300), columnsOf(3, 300, 900), columnsOf(4, 500, 500)]).toEqual([3, 1, 2]);
});
