import { expect, it } from 'vitest';
import { codeOf } from '../render/maps';
import { mixedMaps, onFirstToken, restsOnRepeats } from './maps_as_named';

const finding = (kind: string) => ({ kind, value: 1, since: 0, trouble: false }) as never;

it('takes heads for what they are called first', () => {
  expect(restsOnRepeats({ findings: [finding('induction'), finding('local')] })).toBe(true);
  expect(restsOnRepeats({ findings: [finding('previous'), finding('duplicate')] })).toBe(false);
  expect(restsOnRepeats({ findings: [] })).toBe(false);
});

it('takes each head from its own texts, which may be shorter than the others', () => {
  const text = { shape: [2, 2, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
  const repeated = { shape: [2, 1, 1], data: Uint8Array.of(9, 10) };
  const heads = new Set([1]);
  const mixed = mixedMaps(text, repeated, heads, false);
  expect(mixed).toEqual({ shape: [2, 2, 2], data: Uint8Array.of(1, 2, 3, 4, 10, 0, 0, 0) });
  expect(mixedMaps(text, repeated, heads, false)).toBe(mixed);
});

it('takes heads from maps of one size as they are', () => {
  const text = { shape: [3, 1, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const repeated = { shape: [3, 1, 2], data: Uint8Array.of(11, 12, 13, 14, 15, 16) };
  expect([...mixedMaps(text, repeated, new Set([1]), false).data]).toEqual([1, 2, 13, 14, 5, 6]);
  expect([...text.data]).toEqual([1, 2, 3, 4, 5, 6]);
});

it('keeps the middle of distances in the middle', () => {
  const text = { shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const repeated = { shape: [2, 1, 5], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) };
  expect([...mixedMaps(text, repeated, new Set([1]), true).data]).toEqual([0, 1, 2, 3, 0, 6, 7, 8, 9, 10]);
});

it('tells what the first token gets, of all queries but the first', () => {
  const of = (...values: number[]) => values.map(codeOf);
  const maps = {
    shape: [2, 3, 3],
    data: Uint8Array.from([
      ...of(1),
      0,
      0,
      ...of(0.25, 0.75),
      0,
      ...of(0.5, 0.25, 0.25),
      ...new Uint8Array(9),
    ]),
  };
  const [first, none] = onFirstToken(maps);
  expect(first).toBeCloseTo((0.25 + 0.5) / 2, 2);
  expect(none).toBeNaN();
  expect(onFirstToken(maps)).toBe(onFirstToken(maps));
});
