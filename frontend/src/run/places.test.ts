import { expect, it } from 'vitest';
import { indexTokens, litPoints, tokenText } from './places';

const index = indexTokens({
  run: 'a',
  sequences: [
    { kind: 'text', tokens: ['the', 'sky'], repeat: null },
    { kind: 'text', tokens: ['a', 'b', 'c'], repeat: null },
  ],
});

it('counts tokens over all sequences, one after the other', () => {
  expect(index.lists[0]?.first).toEqual([0, 2]);
  expect([...index.sequence]).toEqual([0, 0, 1, 1, 1]);
  expect([...index.position]).toEqual([0, 1, 0, 1, 2]);
  expect([index.tokens, index.longest]).toEqual([5, 3]);
});

it('lights a sequence’s queries and keys, the selected token last', () => {
  expect(litPoints(index, { list: 0, sequence: 1, token: 0 }, 5)).toEqual([3, 8, 4, 9, 2, 7]);
  expect(litPoints(index, null, 5)).toEqual([]);
});

it('writes tokens as people read them', () => {
  expect(['Ġthe', '▁the', '##ing', ' ', 'Ġ', 'Ċ', '', '[CLS]', 'ĠĊ'].map(tokenText)).toEqual([
    'the',
    'the',
    '##ing',
    '␠',
    '␠',
    '↵',
    '∅',
    '[CLS]',
    ' ↵',
  ]);
});
