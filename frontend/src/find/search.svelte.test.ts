import { beforeEach, expect, it } from 'vitest';
import { HIT_HUES } from '../render/hits';
import { dataOf, textOf } from '../run/run.fixture';
import { TokenSearch } from './search.svelte';

const { run, probe } = dataOf([textOf('the cat sat'), textOf('The mat')]);
const theme = $state({ dark: false });
const filter = $state<{ shown: Uint8Array | null; parts: [] }>({ shown: null, parts: [] });
let search: TokenSearch;

beforeEach(() => {
  theme.dark = false;
  filter.shown = null;
  search = new TokenSearch({ data: { run, probe }, filter, theme, matrix: { own: null, mix: 0 } });
});

it('finds tokens as queries and as keys, or as one of them', () => {
  search.text = 'the /at$/';
  expect(search.terms.map(({ source, count }) => [source, count])).toEqual([
    ['the', 2],
    ['/at$/', 3],
  ]);
  expect(search.points).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...search.termOf]).toEqual([1, 2, 2, 1, 2, 1, 2, 2, 1, 2]);
  search.kinds = 'keys';
  expect(search.points).toEqual([5, 6, 7, 8, 9]);
  expect([...search.termOf.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
  search.kinds = 'queries';
  expect(search.points).toEqual([0, 1, 2, 3, 4]);
});

it('tells small letters from large ones where that is wanted, and finds only what the filter shows', () => {
  search.text = 'the';
  search.matchCase = true;
  expect(search.points).toEqual([0, 5]);
  search.matchCase = false;
  filter.shown = Uint8Array.of(0, 0, 0, 1, 1);
  expect(search.points).toEqual([3, 8]);
});

it('has nothing found without a text, and loses a term that is removed', () => {
  expect([search.hits, search.found]).toEqual([null, false]);
  search.text = 'the cat';
  search.remove('the');
  expect(search.terms.map(({ source }) => source)).toEqual(['cat']);
  search.clear();
  expect(search.hits).toBeNull();
});

it('gives each term the hue of the theme', () => {
  search.text = 'the cat';
  expect(search.terms.map(({ hue }) => hue)).toEqual(HIT_HUES.light.slice(0, 2));
  theme.dark = true;
  expect(search.terms.map(({ hue }) => hue)).toEqual(HIT_HUES.dark.slice(0, 2));
});
