import { expect, it } from 'vitest';
import { type Valued, valuesTold } from './caption_values';

const cell = (change: Partial<Valued> = {}): Valued => ({
  ...{ value: '65 %', titled: 'entropy 65 %', kind: '', roomForValue: true, roomForTitled: true, ...change },
});
const narrow = { roomForTitled: false };

it('is told with its name where all cells have room for that, and so is what is not known', () => {
  expect(
    valuesTold([cell(), cell({ kind: 'local' }), cell({ value: '', titled: 'entropy ' })], false),
  ).toEqual(['entropy 65 %', 'entropy 65 %', '']);
});

it('is told by no cell where one of them has no room beside what its head is called', () => {
  expect(valuesTold([cell(), cell({ kind: 'local · first token', ...narrow })], false)).toEqual(['', '']);
  expect(valuesTold([cell(narrow), cell({ kind: 'local' })], false)).toEqual(['', '']);
});

it('is told without its name by all where nothing else is said', () => {
  expect(valuesTold([cell(), cell(narrow), cell({ ...narrow, roomForValue: false })], false)).toEqual([
    '65 %',
    '65 %',
    '',
  ]);
});

it('is told wherever there is room where the heads are sorted by it, but for beside a kind without its name', () => {
  const cells = [cell(), cell({ kind: 'local', ...narrow }), cell(narrow), cell({ kind: 'local' })];
  expect(valuesTold(cells, true)).toEqual(['entropy 65 %', '', '65 %', 'entropy 65 %']);
});
