import { flushSync } from 'svelte';
import { expect, it } from 'vitest';
import type { AttentionQuery } from '../run/types';
import { AskedAttention } from './asked_attention.svelte';
import { HeldAttention } from './held_attention.fixture';

const QUERY: AttentionQuery = { run: 'a', step: 100, layer: 0, head: 1, sequence: 2 };

function setup() {
  const server = new HeldAttention();
  const meant = $state({ query: QUERY as AttentionQuery | null, run: {} });
  const asked = new AskedAttention(server, () => meant.query);
  const end = $effect.root(() => {
    $effect.pre(() => asked.follow(meant.run));
  });
  flushSync();
  const ask = (change: Partial<AttentionQuery>) => {
    meant.query = { ...QUERY, ...change };
    flushSync();
  };
  return { server, meant, asked, ask, end };
}

it('is the answer to what is asked for, once it is here', async () => {
  const { server, asked, end } = setup();
  expect([asked.value, asked.loading]).toEqual([null, true]);
  await server.answer(0.5);
  expect([asked.value?.data[0], asked.drawn?.late, asked.loading]).toEqual([0.5, false, false]);
  end();
});

it.each<[string, Partial<AttentionQuery>]>([
  ['head', { head: 0 }],
  ['layer', { layer: 1 }],
  ['sequence', { sequence: 3 }],
  ['sequence, the mean', { sequence: 'mean' }],
  ['weighing', { weight: 'values' }],
  ['row', { query: 1 }],
  ['run', { run: 'b' }],
])('is gone at once when another %s is asked for, and comes under it', async (_, change) => {
  const { server, asked, ask, end } = setup();
  await server.answer(0.5);
  ask(change);
  expect([asked.value, asked.drawn]).toEqual([null, null]);
  await server.answer(0.25);
  expect([asked.value?.data[0], asked.drawn?.late]).toEqual([0.25, false]);
  end();
});

it('stands in for another step, named as late, until that one is here or has failed', async () => {
  const { server, asked, ask, end } = setup();
  await server.answer(0.5);
  ask({ step: 200 });
  expect([asked.value, asked.drawn?.step, asked.drawn?.late]).toEqual([null, 100, true]);
  await server.answer(0.25);
  expect([asked.value?.data[0], asked.drawn?.step, asked.drawn?.late]).toEqual([0.25, 200, false]);
  ask({ step: 300 });
  await server.fail();
  expect([asked.drawn, asked.error]).toEqual([null, 'Layer 0 was not exported.']);
  end();
});

it('says of a failure only while its own question is asked, and asks again when told', async () => {
  const { server, asked, ask, end } = setup();
  await server.fail();
  expect(asked.error).toBe('Layer 0 was not exported.');
  void asked.retry();
  await server.answer(0.5);
  expect([asked.error, asked.value?.data[0]]).toEqual([null, 0.5]);
  ask({ layer: 3 });
  await server.fail();
  ask({ layer: 4 });
  expect(asked.error).toBeNull();
  end();
});

it('drops an answer that nobody asks for any more', async () => {
  const { server, asked, ask, end } = setup();
  ask({ head: 0 });
  await server.answer(({ head }) => head / 4);
  expect(asked.value?.data[0]).toBe(0);
  end();
});

it('asks the same again when the run was read again, and keeps what it has meanwhile', async () => {
  const { server, meant, asked, end } = setup();
  await server.answer(0.5);
  meant.query = { ...QUERY };
  flushSync();
  expect(server.heard).toHaveLength(1);
  meant.run = {};
  flushSync();
  expect([server.heard.length, asked.value?.data[0]]).toEqual([2, 0.5]);
  await server.answer(0.75);
  expect(asked.value?.data[0]).toBe(0.75);
  end();
});

it('says which row or column it is, and is empty while nothing is asked', async () => {
  const { server, meant, asked, ask, end } = setup();
  ask({ key: 3 });
  await server.answer(0.5, 2, 1);
  expect(asked.value?.of).toEqual({ side: 'key', token: 3 });
  meant.query = null;
  flushSync();
  expect([asked.drawn, asked.loading, asked.error]).toEqual([null, false, null]);
  end();
});
