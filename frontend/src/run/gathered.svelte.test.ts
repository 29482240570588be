import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Gathered } from './gathered.svelte';
import { SourceError } from './source';

class Needed {
  name = $state<string | null>(null);
}
let needed: Needed;
let asked: { name: string; signal: AbortSignal; answer: () => void; fail: () => void }[];
let gathered: Gathered<string>;
let end: () => void;

async function pass(): Promise<void> {
  flushSync();
  await vi.advanceTimersByTimeAsync(0);
  flushSync();
}

beforeEach(() => {
  vi.useFakeTimers();
  needed = new Needed();
  asked = [];
  gathered = new Gathered<string>(2);
  end = $effect.root(() => {
    $effect.pre(() => {
      const { name } = needed;
      gathered.need(
        name,
        (signal) =>
          new Promise((resolve, reject) => {
            const fail = () => reject(new SourceError('It is gone.'));
            asked.push({ name: name ?? '', signal, answer: () => resolve(`answer ${name}`), fail });
          }),
      );
    });
  });
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

async function gather(name: string): Promise<void> {
  needed.name = name;
  await pass();
  asked.at(-1)?.answer();
  await pass();
}

it('asks for what is needed and not here, and keeps the newest answers', async () => {
  await gather('a');
  await gather('b');
  needed.name = 'a';
  await pass();
  expect([asked.length, gathered.get('a'), gathered.loading]).toEqual([2, 'answer a', false]);
  await gather('c');
  expect([gathered.get('a'), gathered.get('b'), gathered.get('c')]).toEqual([
    undefined,
    'answer b',
    'answer c',
  ]);
});

it('gives up what nothing needs any more', async () => {
  needed.name = 'a';
  await pass();
  expect(gathered.loading).toBe(true);
  needed.name = null;
  await pass();
  asked[0]?.answer();
  await pass();
  expect([asked[0]?.signal.aborted, gathered.get('a'), gathered.loading]).toEqual([true, undefined, false]);
});

it('says what went wrong, and asks again when told', async () => {
  needed.name = 'a';
  await pass();
  asked[0]?.fail();
  await pass();
  expect([gathered.error, gathered.loading]).toEqual(['It is gone.', false]);
  gathered.retry();
  await pass();
  expect([asked.length, gathered.error]).toEqual([2, null]);
});
