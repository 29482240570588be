import { expect, it } from 'vitest';
import { HIT_HUES } from '../render/hits';
import { indexTokens } from '../run/places';
import { findHits, pointsOf, suggest, vocabulary } from './hits';
import { MOST_TERMS, parseSearch } from './search';

const sequence = (...tokens: string[]) => ({ kind: 'text', tokens, repeat: null });
const index = indexTokens({
  run: 'a',
  sequences: [sequence('the', 'cat', 'sat'), sequence('on', 'the', 'mat'), sequence('Ġthe', 'end')],
});
const find = (text: string, shown: Uint8Array | null = null) =>
  findHits(index, parseSearch(text, false).terms, shown);

it('finds each term’s tokens; a token has the hue of the first term that finds it', () => {
  const hits = find('the, /at$/, t*');
  expect(hits.byTerm).toEqual([
    [0, 4, 6],
    [1, 2, 5],
    [0, 4, 6],
  ]);
  expect([...hits.termOf]).toEqual([1, 2, 2, 0, 1, 2, 1, 0]);
  expect([hits.tokens, hits.sequences]).toEqual([6, 3]);
});

it('finds only what is shown', () => {
  const hits = find('the', Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 0));
  expect([hits.byTerm[0], hits.tokens, hits.sequences]).toEqual([[0], 1, 1]);
});

it('numbers points as heads do: queries, then keys', () => {
  expect(pointsOf([0, 4], 'both', { queries: 8, keys: 8 })).toEqual([0, 4, 8, 12]);
  expect(pointsOf([0, 4], 'keys', { queries: 8, keys: 8 })).toEqual([8, 12]);
  expect(pointsOf([0, 4], 'queries', { queries: 8, keys: 8 })).toEqual([0, 4]);
});

it('suggests frequent words, those that begin with what was typed before those that hold it', () => {
  const words = vocabulary(index);
  expect(words[0]).toEqual({ text: 'the', count: 3 });
  expect(suggest(words, 'a', 3).map(({ text }) => text)).toEqual(['cat', 'sat', 'mat']);
  expect(suggest(words, 'S*', 9).map(({ text }) => text)).toEqual(['sat']);
  expect(suggest(words, '', 2).map(({ text }) => text)).toEqual(['the', 'cat']);
});

it('has a hue for every term, in light and dark', () => {
  for (const hues of Object.values(HIT_HUES)) expect(new Set(hues.map(String)).size).toBe(MOST_TERMS);
});
