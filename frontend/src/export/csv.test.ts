import { expect, it } from 'vitest';
import { csvOf } from './csv';

it('quotes what has to be quoted (RFC 4180)', () => {
  expect(
    csvOf(
      ['a', 'b'],
      [
        ['plain', 'with, comma'],
        ['say "hi"', 'two\nlines'],
        ['', ' '],
      ],
    ),
  ).toBe('a,b\r\nplain,"with, comma"\r\n"say ""hi""","two\nlines"\r\n, \r\n');
});

it('holds only what can be encoded and read', () => {
  const text = csvOf(['token'], [['a\0b'], ['\ud83d'], ['\ufffe'], ['😀']]);
  expect(text).toBe('token\r\na\\u0000b\r\n\\ud83d\r\n\\ufffe\r\n😀\r\n');
  expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(text);
});

it('gives every float32 back', () => {
  const floats = Float32Array.of(0.1, 1 / 3, 1e-30, -0.30000001, 16777216, 3.4e38, 0);
  const lines = csvOf(
    ['x'],
    [...floats].map((value) => [value]),
  ).split('\r\n');
  expect(lines[1]).toBe('0.1');
  expect(Float32Array.from(lines.slice(1, -1), Number)).toEqual(floats);
  expect(csvOf(['x'], [[Number.NaN], [Number.NEGATIVE_INFINITY]])).toBe('x\r\nnan\r\n-inf\r\n');
});
