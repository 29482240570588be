import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Asked } from './asked.svelte';

class Put {
  now = $state.raw<{ of: string } | null>({ of: 'a' });
}

let heard: { question: string; signal: AbortSignal; answer: () => void; fail: () => void }[];
let put: Put;
let asked: Asked<{ of: string }, string>;
let end: () => void;

beforeEach(() => {
  heard = [];
  put = new Put();
  end = $effect.root(() => {
    asked = new Asked(
      () => put.now,
      ({ of }, signal) =>
        new Promise((resolve, reject) => {
          const fail = () => reject(new Error(`There is no ${of}.`));
          heard.push({ question: of, signal, answer: () => resolve(`of ${of}`), fail });
        }),
    );
    $effect.pre(() => asked.follow());
  });
  flushSync();
});
afterEach(() => end());

function ask(of: string | null): void {
  put.now = of === null ? null : { of };
  flushSync();
}
const told = () => [asked.value, asked.error, asked.loading];
const settle = () => new Promise((done) => setTimeout(done));

it('tells the answer to what is asked, and nothing of another question', async () => {
  expect(told()).toEqual([null, null, true]);
  heard[0]?.answer();
  await settle();
  expect(told()).toEqual(['of a', null, false]);
  ask('b');
  expect([told(), asked.last?.answer]).toEqual([[null, null, true], 'of a']);
  heard[1]?.fail();
  await settle();
  expect(told()).toEqual([null, 'There is no b.', false]);
  ask('c');
  expect(told()).toEqual([null, null, true]);
  ask('a');
  expect([told(), heard[2]?.signal.aborted]).toEqual([['of a', null, true], true]);
});

it('asks again what is asked now, and stops where nothing is', async () => {
  ask('b');
  heard[1]?.fail();
  await settle();
  void asked.retry();
  expect([heard.map(({ question }) => question), asked.loading]).toEqual([['a', 'b', 'b'], true]);
  heard[2]?.answer();
  await settle();
  expect(told()).toEqual(['of b', null, false]);
  ask('b'); // the same in other words: it stands while it is asked again
  expect(told()).toEqual(['of b', null, true]);
  ask(null);
  expect([told(), asked.last, heard[3]?.signal.aborted]).toEqual([[null, null, false], null, true]);
});
