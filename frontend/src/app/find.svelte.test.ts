import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SyntheticSource } from '../source/synthetic';
import { syntheticHead } from '../source/synthetic_head';
import { compose, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';
import { readLink, writeLink } from './url';

const HEADS = [6, 6, 6];
let session: Session;
let end: () => void;

async function begin(says: Record<string, string> = {}): Promise<void> {
  ({ session, end } = await compose(new SyntheticSource({ heads: HEADS, checkpoints: 41 }), says));
  await pass();
}

const pass = async (milliseconds = 100) => {
  for (let i = 0; i < 5; i++) {
    flushSync();
    await vi.advanceTimersByTimeAsync(milliseconds);
  }
  flushSync();
};

/** Levels of a token's query and key: 1 plain, 2 lit. */
const levels = (token: number) =>
  [token, (session.data.run?.queries ?? 0) + token].map((point) => session.styles.shared[4 * point + 3]);

const placeOf = (text: string) => session.data.probe.value!.sequences[0]!.tokens.indexOf(text);

beforeEach(() => standInBrowser());

afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('lights the queries and keys of every hit, or one kind of them; a search without hits changes nothing', async () => {
  await begin();
  const cat = placeOf('cat');
  session.search.text = 'cat';
  expect([session.styles.selecting, levels(cat), levels(cat + 1)]).toEqual([true, [4, 4], [1, 1]]);
  expect(session.styles.lit).toContain(cat);
  session.search.kinds = 'keys';
  expect([levels(cat), session.styles.lit.includes(cat)]).toEqual([[1, 4], false]);
  session.search.text = 'xyzzy';
  expect([session.styles.selecting, session.styles.lit.length]).toEqual([false, 0]);
});

it('finds, draws and lights only what the filter lets through', async () => {
  await begin();
  session.search.text = 'the';
  const all = session.search.hits!.tokens;
  session.filter.showSequences([0]);
  expect(session.search.hits!.tokens).toBeLessThan(all);
  const tokens = session.data.probe.value!.sequences[0]!.tokens.length;
  expect(session.styles.order).toHaveLength(2 * tokens);
  expect(Math.max(...session.styles.lit.map((point) => point % session.data.run!.queries))).toBeLessThan(
    tokens,
  );
  session.filter.want('script', ['special']);
  expect(session.styles.order).toHaveLength(4); // [CLS] and [SEP]
  for (const { remove } of session.filter.parts) remove();
  expect(session.styles.order).toHaveLength(2 * session.data.run!.queries);
});

it('knows heads that group by meaning: their hits are clustered, those of positional heads are scattered', async () => {
  await begin();
  session.search.text = 'the';
  await pass();
  const { values } = session.search.clustering.score!;
  const kinds = HEADS.flatMap((heads, layer) =>
    Array.from({ length: heads }, (_, head) => syntheticHead(layer, head).kind),
  );
  const unknown = [...values.keys()].filter((head) => Number.isNaN(values[head]));
  expect(unknown).toEqual([8]); // the head whose points have no place
  const of = (...wanted: string[]) =>
    [...values].filter((value, head) => !Number.isNaN(value) && wanted.includes(kinds[head]!));
  expect(of('semantic', 'self').length * of('positional', 'previous').length).toBeGreaterThan(0);
  expect(Math.min(...of('semantic', 'self'))).toBeGreaterThan(0.9);
  expect(Math.max(...of('positional', 'previous'))).toBeLessThan(0.7);
  session.search.text = '';
  expect(session.search.clustering.score).toBeNull();
});

it('comes back by its link, filter and marked points too', async () => {
  await begin();
  session.search.text = 'cat, /^t/';
  session.search.kinds = 'queries';
  session.search.matchCase = true;
  session.filter.showSequences([0, 1, 2, 4]);
  session.filter.want('script', ['letters']);
  session.filter.want('length', { low: 2, high: 4 });
  session.marks.mark([3, 4, 5, 9]);
  flushSync();
  const link = writeLink('#attnviz', session.link!);
  const shown = [...session.styles.shared];
  const order = [...session.styles.order];
  end();
  await begin(Object.fromEntries(readLink(link)));
  expect(writeLink('#attnviz', session.link!)).toBe(link);
  expect([...session.styles.shared]).toEqual(shown);
  expect([...session.styles.order]).toEqual(order);
});

it('marks more and marks fewer', async () => {
  await begin();
  session.marks.mark([1, 2]);
  session.marks.mark([9, 2], 'add');
  expect(session.marks.group?.points).toEqual([1, 2, 9]);
  session.marks.mark([1, 2], 'remove');
  expect(session.marks.group?.points).toEqual([9]);
  session.marks.mark([9], 'remove');
  expect(session.marks.group).toBeNull();
});

it('lights no more points than the frames of a large matrix can hold', async () => {
  await begin();
  session.search.text = '/./';
  expect(session.styles.lit).toHaveLength(2 * session.data.run!.queries);
  const few = session.styles.litIn(60, 144, 14_400);
  expect(few.length).toBeGreaterThan(50);
  expect(few.length).toBeLessThanOrEqual(100);
  expect(session.styles.litIn(600, 1, 14_400)).toEqual(session.styles.lit);
});
