import { beforeEach, expect, it } from 'vitest';
import { runOf } from '../run/run.fixture';
import type { Hits } from './hits';
import { Marks } from './marks.svelte';

const HITS: Hits = { termOf: Uint8Array.of(1, 0), byTerm: [[0]], tokens: 1, sequences: 1 };
const search = $state<{ hits: Hits | null; points: readonly number[] }>({ hits: null, points: [] });
let marks: Marks;

beforeEach(() => {
  search.hits = null;
  search.points = [];
  marks = new Marks({ data: { run: runOf() }, search });
});

it('marks each point once, in their order, among all of a head’s', () => {
  marks.mark([7, 2, 7]);
  expect(marks.group).toMatchObject({ points: [2, 7], of: 10 });
});

it('marks more and fewer, and has no group without a point', () => {
  marks.mark([2, 7]);
  marks.mark([9], 'add');
  marks.mark([2], 'remove');
  expect(marks.group?.points).toEqual([7, 9]);
  marks.mark([7, 9], 'remove');
  expect(marks.group).toBeNull();
});

it('tells groups apart, and shows a new one among all points', () => {
  marks.mark([1]);
  const { id } = marks.group ?? {};
  marks.alone = true;
  marks.mark([1]);
  expect(marks.group?.id).not.toBe(id);
  expect(marks.alone).toBe(false);
});

it('lists what was found, or what is marked, while there is any', () => {
  expect(marks.listed).toBeNull();
  marks.listing = 'hits';
  expect(marks.listed).toBeNull();
  search.hits = HITS;
  search.points = [0, 5];
  expect(marks.listed).toEqual([0, 5]);
  marks.listing = 'marked';
  expect(marks.listed).toBeNull();
  marks.mark([3]);
  expect(marks.listed).toEqual([3]);
});
