import { flushSync } from 'svelte';
import { expect, it } from 'vitest';
import type { HeadPlace } from '../run/head';
import { runOf } from '../run/run.fixture';
import { HeldAttention } from './held_attention.fixture';
import { type Asking, Pins } from './sentence_pins.svelte';

function setup() {
  const server = new HeldAttention();
  const focus = $state({ opened: { layer: 0, head: 1 } as HeadPlace | null });
  const playback = $state({ step: 100 });
  const shown = $state({ asking: { run: 'a', sequence: 0 } as Asking | null });
  const pins = new Pins({ data: { source: server }, focus, playback }, () => shown.asking);
  const end = $effect.root(() => {
    $effect.pre(() => pins.follow(null));
  });
  return { server, focus, playback, shown, pins, end };
}

it('asks of each pin what is asked of the shown head', async () => {
  const { server, playback, shown, pins, end } = setup();
  pins.add({ step: 300 });
  pins.add({ head: { layer: 1, head: 0 } });
  flushSync();
  expect(server.heard).toEqual([
    { run: 'a', sequence: 0, layer: 0, head: 1, step: 300 },
    { run: 'a', sequence: 0, layer: 1, head: 0, step: 100 },
  ]);
  expect(pins.loading).toBe(true);
  await server.answer(0.5);
  expect(pins.held.map(({ place, weights }) => [place.step, weights?.data[0]])).toEqual([
    [300, 0.5],
    [100, 0.5],
  ]);
  // Only the pinned head goes along with the step, and its old attention is no longer told.
  playback.step = 200;
  flushSync();
  expect(server.heard).toHaveLength(3);
  expect(pins.held.map(({ weights }) => weights?.data[0])).toEqual([0.5, undefined]);
  shown.asking = { run: 'a', sequence: 1 };
  flushSync();
  expect(server.heard.slice(3).map(({ sequence }) => sequence)).toEqual([1, 1]);
  expect(pins.held.every(({ weights }) => weights === null)).toBe(true);
  end();
});

it('keeps three, and takes the difference to the newest or the chosen one', () => {
  const { pins, end } = setup();
  for (const step of [0, 100, 200, 300]) pins.add({ step });
  expect([pins.all, pins.against]).toEqual([[{ step: 100 }, { step: 200 }, { step: 300 }], { step: 300 }]);
  const [first] = pins.all;
  if (first) pins.choose(first);
  pins.add({ step: 200 });
  expect([pins.all.length, pins.against]).toEqual([3, { step: 200 }]);
  if (first) pins.remove(first);
  expect(pins.against).toEqual({ step: 200 });
  pins.clear();
  expect([pins.all, pins.against]).toEqual([[], null]);
  end();
});

it('says what failed, and asks for that again', async () => {
  const { server, pins, end } = setup();
  pins.add({ step: 300 });
  flushSync();
  await server.fail();
  expect(pins.error).toBe('Layer 0 was not exported.');
  pins.retry();
  await server.answer(0.5);
  expect([pins.error, pins.held[0]?.weights?.data[0]]).toEqual([null, 0.5]);
  end();
});

it('is said, with the one that is compared unless that is the last', () => {
  const { pins, end } = setup();
  pins.settings.enter(new Map([['pins', 's100_0-1_s999']]), runOf());
  expect(pins.settings.said).toEqual({ pins: 's100_0-1' }); // there is no step 999
  pins.choose(pins.all[0] ?? { step: 0 });
  expect(pins.settings.said).toEqual({ pins: 's100_0-1', compared: '0' });
  pins.settings.enter(new Map(), runOf());
  expect([pins.all, pins.settings.said]).toEqual([[], {}]);
  end();
});
