import { expect, it } from 'vitest';
import { formatRanges, parseRanges } from './ranges';

it('writes neighbours as a range', () => {
  expect(formatRanges([15, 3, 4, 5, 4])).toBe('3-5.15');
  expect(formatRanges([1, 2, 9], ', ')).toBe('1-2, 9');
  expect(formatRanges([])).toBe('');
});

it('reads what it writes, and what people type', () => {
  expect(parseRanges('3-5.15', 99)).toEqual([3, 4, 5, 15]);
  expect(parseRanges(' 15, 3–4 4', 99)).toEqual([3, 4, 15]);
});

it('leaves out what is not there, and refuses what says nothing', () => {
  expect(parseRanges('3-999999999, 7000', 5)).toEqual([3, 4]);
  for (const text of ['', ' , ', 'a', '3-', '-3', '1-2-3', '1e3'])
    expect(parseRanges(text, 9), text).toBeNull();
});
