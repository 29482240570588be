import { expect, it } from 'vitest';
import { isBlank } from './blank';

it('tells heads without any point, each array looked at once', () => {
  expect(isBlank(Float32Array.of(Number.NaN, Number.NaN))).toBe(true);
  expect(isBlank(Float32Array.of(Number.NaN, 0))).toBe(false);
});
