import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TokenIndex } from '../run/places';
import { dataOf, textOf } from '../run/run.fixture';
import { TokenFilter } from './token_filter.svelte';

const { run, probe: here } = dataOf([
  textOf('the cat', { labels: { kind: ['word', 'noun'], length: [3, 3] } }),
  textOf('a zebra', { labels: { kind: ['word', 'noun'], length: [1, 5] } }),
]);
let probe: { value: TokenIndex | null };
let filter: TokenFilter;
let end: () => void;

beforeEach(() => {
  const late = $state<{ value: TokenIndex | null }>({ value: here.value });
  probe = late;
  filter = new TokenFilter({ data: { run, probe } });
  end = $effect.root(() => filter.begin());
  flushSync();
});
afterEach(() => end());

it('shows all, or the tokens of some sequences that have some labels', () => {
  expect(filter.shown).toBeNull();
  filter.showSequences([1]);
  expect([...(filter.shown ?? [])]).toEqual([0, 0, 1, 1]);
  filter.want('kind', ['noun']);
  expect([...(filter.shown ?? [])]).toEqual([0, 0, 0, 1]);
  expect([3, 2, 4 + 3, 4 + 2].map((point) => filter.shows(point))).toEqual([true, false, true, false]);
  filter.showSequences([]);
  filter.want('kind', []);
  expect(filter.shown).toBeNull();
});

it('says its parts, each of which can go by itself', () => {
  filter.showSequences([0, 1]);
  filter.want('kind', ['noun', 'word']);
  filter.want('gender', ['', 'f']);
  filter.want('length', { low: 3, high: 5 });
  expect(filter.parts.map(({ says }) => says)).toEqual([
    'sequences 0-1',
    'kind noun, word',
    'gender (not known), f',
    'length 3 to 5',
  ]);
  filter.parts[2]?.remove();
  filter.parts[1]?.remove();
  filter.parts[0]?.remove();
  expect(filter.parts.map(({ says }) => says)).toEqual(['length 3 to 5']);
});

it('waits for the probe with labels that a link asks for, and asks for them once', () => {
  probe.value = null;
  flushSync();
  filter.wanted = 'kind:noun;length:4..9;colour:red';
  expect([filter.labels.size, filter.settings.said]).toEqual([
    0,
    { only_label: 'kind:noun;length:4..9;colour:red' },
  ]);
  probe.value = here.value;
  flushSync();
  expect(filter.settings.said).toEqual({ only_label: 'kind:noun;length:4..9' });
  expect(Object.fromEntries(filter.labels)).toEqual({ kind: ['noun'], length: { low: 4, high: 9 } });
  filter.wanted = 'kind:word';
  expect(Object.fromEntries(filter.labels)).toEqual({ kind: ['word'] });
  filter.want('kind', ['noun']);
  probe.value = null;
  flushSync();
  probe.value = here.value;
  flushSync();
  expect(Object.fromEntries(filter.labels)).toEqual({ kind: ['noun'] }); // not what the link asked for
  filter.clear();
  probe.value = null;
  flushSync();
  probe.value = here.value;
  flushSync();
  expect(filter.labels.size).toBe(0);
});
