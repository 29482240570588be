import { expect, it } from 'vitest';
import { visible } from './visible';

it.each([
  ['a\ufffeb', 'a\\ufffeb'],
  ['\uffff', '\\uffff'],
  ['\ufdd0', '\\ufdd0'],
  ['\u{1fffe}', '\\u{1fffe}'],
  ['half \ud83d of a pair', 'half \\ud83d of a pair'],
  ['\ude00\ud83d', '\\ude00\\ud83d'],
  ['bell \u0007, nul \0, escape \u001b', 'bell \\u0007, nul \\u0000, escape \\u001b'],
  ['\u0085\u009f\u007f', '\\u0085\\u009f\\u007f'],
  ['\u202egnal', '\\u202egnal'],
])('writes out what is no character: %j', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it.each(['', 'plain', 'tab\tline\r\n', 'é 語 😀 👩‍💻 \ufffd', 'a\\ufffeb', '\u{1f3f4}\u{e0067}\u{e007f}'])(
  'leaves %j as it is',
  (text) => {
    expect(visible(text)).toBe(text);
  },
);
