import { expect, it } from 'vitest';
import { indexTokens } from './places';
import { pointsOfWord, summarise } from './summary';

const sequence = (...tokens: string[]) => ({ kind: 'text', tokens, repeat: null });
const index = indexTokens({ run: 'a', sequences: [sequence('the', 'cat'), sequence('Ġcat', 'sat', 'the')] });

it('counts the words of a group, the most frequent first', () => {
  expect(summarise(index, [1, 2, 3, 6], 5)).toEqual({
    queries: 3,
    keys: 1,
    words: [
      { text: 'cat', count: 3 },
      { text: 'sat', count: 1 },
    ],
  });
});

it('finds the queries and keys of a word wherever it stands, with or without a word-start mark', () => {
  expect(pointsOfWord(index, 'cat', 5)).toEqual([1, 2, 6, 7]);
});
