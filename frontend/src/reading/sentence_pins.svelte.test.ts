import { beforeEach, expect, it } from 'vitest';
import { runOf } from '../run/run.fixture';
import type { AttentionQuery } from '../run/types';
import { Pins } from './sentence_pins.svelte';

const HEAD = { layer: 0, head: 1 };
let asked: AttentionQuery[];
let fails: boolean;
let pins: Pins;

beforeEach(() => {
  asked = [];
  fails = false;
  pins = new Pins({
    data: {
      source: {
        attention: async (query) => {
          asked.push(query);
          if (fails) throw new Error('It is gone.');
          return { shape: [1, 1], data: Float32Array.of(query.step) };
        },
      },
    },
    focus: { opened: { layer: 0, head: 0 } },
    playback: { step: 300 },
  });
});
const settled = () => new Promise((resolve) => setTimeout(resolve));

it('asks for the opened head at a pinned step, and for a pinned head at the shown step, once', async () => {
  pins.add({ step: 100 });
  pins.add({ head: HEAD });
  pins.follow({ run: 'a', sequence: 2 });
  pins.follow({ run: 'a', sequence: 2 });
  expect(pins.loading).toBe(true);
  await settled();
  expect(asked).toEqual([
    { run: 'a', sequence: 2, layer: 0, head: 0, step: 100 },
    { run: 'a', sequence: 2, ...HEAD, step: 300 },
  ]);
  expect([pins.loading, pins.held[0]?.weights?.data[0]]).toEqual([false, 100]);
  pins.follow({ run: 'a', sequence: 3 });
  expect(asked).toHaveLength(4);
});

it('compares the last pin that was added or chosen, and keeps three', () => {
  for (const step of [0, 100, 200, 300]) pins.add({ step });
  expect([pins.all.length, pins.against]).toEqual([3, { step: 300 }]);
  pins.add({ step: 100 }); // it is here
  expect([pins.all.length, pins.against]).toEqual([3, { step: 100 }]);
  const [, middle] = pins.all;
  if (middle) pins.remove(middle);
  expect([pins.all, pins.against]).toEqual([[{ step: 100 }, { step: 300 }], { step: 100 }]);
});

it('is said, with the one that is compared unless that is the last', () => {
  pins.settings.enter(new Map([['pins', 's100_0-1_s999']]), runOf());
  expect(pins.settings.said).toEqual({ pins: 's100_0-1' }); // there is no step 999
  pins.choose(pins.all[0] ?? { step: 0 });
  expect(pins.settings.said).toEqual({ pins: 's100_0-1', compared: '0' });
  pins.settings.enter(new Map(), runOf());
  expect([pins.all, pins.settings.said]).toEqual([[], {}]);
});

it('says what went wrong, and asks again only for that', async () => {
  pins.add({ step: 100 });
  fails = true;
  pins.follow({ run: 'a', sequence: 2 });
  await settled();
  expect(pins.error).toBe('It is gone.');
  fails = false;
  pins.retry();
  await settled();
  expect([pins.error, asked.length]).toEqual([null, 2]);
});
