import { expect, it } from 'vitest';
import { columnsOf, labelEvery, pairAt, sheetOf, zoomed } from './sheet';

const square = (tokens: number) => ({ queries: tokens, keys: tokens });

it('shows the whole map with its words where there is room', () => {
  const sheet = sheetOf(400, 400, square(20), 8, null);
  expect(sheet.words).toBe(true);
  expect(sheet.left + 20 * sheet.cell).toBeLessThanOrEqual(400);
  expect(labelEvery(sheet, 20)).toBe(1);
});

it('shows a long sentence whole, with numbers, and its words when zoomed in', () => {
  const sheet = sheetOf(560, 560, square(512), 8, null);
  expect([sheet.words, labelEvery(sheet, 512)]).toEqual([false, 50]);
  expect(sheet.left + 512 * sheet.cell).toBeLessThanOrEqual(560);
  expect(sheetOf(560, 560, square(512), 8, 16)).toMatchObject({ cell: 16, words: true });
  expect(sheetOf(100, 100, square(512), 8, null).cell).toBe(0.25);
  expect([zoomed(0.3, 0.5), zoomed(20, 2)]).toEqual([0.25, 28]);
});

it('finds the pair under the pointer, and a label’s token', () => {
  const sheet = { cell: 10, left: 50, top: 40, words: true };
  expect(pairAt(sheet, square(5), 55, 69)).toEqual({ query: 2, key: 0 });
  expect(pairAt(sheet, square(5), 20, 45)).toEqual({ query: 0, key: null });
  expect(pairAt(sheet, square(5), 72, 10)).toEqual({ query: null, key: 2 });
  expect(pairAt(sheet, square(5), 20, 10)).toBe(null);
  expect(pairAt(sheet, square(5), 120, 60)).toBe(null);
});

it('sets maps side by side so that each is as large as can be', () => {
  expect([columnsOf(3, 900, 300), columnsOf(3, 300, 900), columnsOf(4, 500, 500)]).toEqual([3, 1, 2]);
});

it('shows a map that is wider than it is high', () => {
  const size = { queries: 4, keys: 20 };
  const sheet = sheetOf(400, 100, size, 2, null);
  expect(sheet.left + 20 * sheet.cell).toBeLessThanOrEqual(400);
  expect(sheet.top + 4 * sheet.cell).toBeLessThanOrEqual(100);
  const wide = { cell: 10, left: 50, top: 40, words: true };
  expect(pairAt(wide, size, 245, 75)).toEqual({ query: 3, key: 19 });
  expect(pairAt(wide, size, 245, 85)).toBe(null);
});
