import { flushSync } from 'svelte';
import { expect, it } from 'vitest';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import { dataOf, textOf } from '../run/run.fixture';
import { KindTable } from './kind_table.svelte';

it('a table is asked for while it is looked at, and is never another step’s', async () => {
  const asked: LabelQuery[] = [];
  const answers: (() => void)[] = [];
  const refusals: (() => void)[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const source = {
    labelAttention: (query: LabelQuery, signal?: AbortSignal) => {
      asked.push(query);
      signals.push(signal);
      const none = { query_labels: [], key_labels: [], attention: [], even: [], queries: [] };
      return new Promise<LabelAttention>((resolve, reject) => {
        answers.push(() => resolve({ ...query, ...none }));
        refusals.push(() => reject(new Error('The samples of this step are gone.')));
      });
    },
  };
  const labels = { tag: ['D', 'N'], case: ['a', 'b'], length: [1, 2] };
  let step = $state(100);
  const kinds = new KindTable({
    data: { ...dataOf([textOf('the sky', { labels })]), source },
    focus: { opened: { layer: 0, head: 1 } },
    playback: {
      get step() {
        return step;
      },
    },
  });
  const end = $effect.root(() => kinds.begin());
  flushSync();
  expect([kinds.labels, kinds.label, asked]).toEqual([['tag', 'case'], 'tag', []]);
  kinds.open = true;
  flushSync();
  answers[0]?.();
  await expect.poll(() => kinds.table?.label).toBe('tag');
  kinds.chosen = 'case';
  flushSync();
  expect(kinds.table).toBeNull();
  answers[1]?.();
  await expect.poll(() => kinds.table?.label).toBe('case');
  step = 200;
  flushSync();
  expect([kinds.table, kinds.busy]).toEqual([null, true]);
  expect(asked.map(({ step: at, label }) => `${at} ${label}`)).toEqual(['100 tag', '100 case', '200 case']);
  kinds.open = false; // nobody waits for it any more
  flushSync();
  expect([kinds.busy, signals[2]?.aborted]).toEqual([false, true]);
  kinds.open = true;
  flushSync();
  refusals[3]?.();
  await expect.poll(() => kinds.error).toBe('The samples of this step are gone.');
  step = 300;
  flushSync();
  expect([kinds.error, kinds.busy]).toEqual([null, true]); // it was about another step
  kinds.leave();
  expect(kinds.busy).toBe(false);
  end();
});
