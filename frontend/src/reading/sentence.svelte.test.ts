import { flushSync } from 'svelte';
import { describe, expect, it } from 'vitest';
import type { TokenPlace } from '../attention/side';
import { Focus } from '../run/focus.svelte';
import { layerOf } from '../run/layer.fixture';
import { dataOf, textOf } from '../run/run.fixture';
import { HeldAttention } from './held_attention.fixture';
import { Sentence } from './sentence.svelte';

const LISTS = (['tokens', 'key_tokens'] as const).map((of, i) => ({
  of,
  grid: null,
  first: 4 * i,
  tokens: 4,
}));

/** Two sequences of two tokens; the second layer has norms of values, the third attends to other tokens. */
function setup() {
  const server = new HeldAttention();
  const heads = { heads: 2, head_numbers: [0, 1] };
  const layers = [
    layerOf({ ...heads, number: 0, values: false }),
    layerOf({ ...heads, number: 1, values: true }),
    layerOf({ ...heads, number: 2, attends: 'cross', keys_of: 'key_tokens' }),
  ];
  const data = {
    ...dataOf([textOf('[CLS] cat'), textOf('a dog')], { layers, lists: LISTS }),
    listTitles: [],
    source: server,
  };
  const focus = new Focus(data);
  const playback = $state({ step: 100 as number | null });
  const enough = $state({ part: null as TokenPlace | null });
  const sentence = new Sentence({ data, focus, playback }, () => enough.part);
  const end = $effect.root(() => sentence.begin());
  focus.open({ layer: 0, head: 1 });
  focus.selection = { sequence: 0, list: 0, token: 1, side: 'query' };
  flushSync();
  const then = (change: () => void) => {
    change();
    flushSync();
  };
  return { server, sentence, focus, playback, enough, then, end };
}

const told = (weights: Float32Array | null) => weights && [...weights];

describe('what is asked for', () => {
  it('is the attention of the opened head in the selected sequence at the shown step', () => {
    const { server, sentence, focus, playback, then, end } = setup();
    expect(server.heard).toEqual([{ run: 'a', step: 100, layer: 0, head: 1, sequence: 0 }]);
    then(() => {
      playback.step = 200;
    });
    then(() => focus.read(1));
    then(() => {
      sentence.mean = true;
    });
    expect(server.heard.slice(1).map(({ step, sequence }) => [step, sequence])).toEqual([
      [200, 0],
      [200, 1],
      [200, 'mean'],
    ]);
    then(() => {
      focus.opened = null;
    });
    expect([server.heard.length, sentence.attention.drawn]).toEqual([4, null]);
    end();
  });

  it('is weighed by values where the layer has them, and one row where that is enough', () => {
    const { server, sentence, focus, enough, then, end } = setup();
    then(() => {
      sentence.byValues = true;
    });
    expect([sentence.hasValues, server.heard.length]).toEqual([false, 1]);
    then(() => focus.open({ layer: 1, head: 0 }));
    expect(server.heard.at(-1)).toEqual({
      run: 'a',
      step: 100,
      layer: 1,
      head: 0,
      sequence: 0,
      weight: 'values',
    });
    then(() => {
      enough.part = { side: 'key', token: 1 };
    });
    expect(server.heard.at(-1)).toMatchObject({ key: 1 });
    end();
  });
});

describe('what is shown', () => {
  it('is never another head’s: it is gone until its own is here', async () => {
    const { server, sentence, focus, then, end } = setup();
    expect([sentence.shown.weights, sentence.waits]).toEqual([
      null,
      'Attention of L0 H1 at step 100 is on its way',
    ]);
    await server.answer(0.5);
    expect([sentence.shown.title, told(sentence.shown.weights), sentence.waits]).toEqual([
      'L0 H1 · step 100',
      [0.5, 0.5, 0.5, 0.5],
      '',
    ]);
    then(() => focus.open({ layer: 0, head: 0 }));
    expect([sentence.shown.title, sentence.shown.weights]).toEqual(['L0 H0 · step 100', null]);
    await server.fail();
    expect([sentence.shown.weights, sentence.waits, sentence.attention.error]).toEqual([
      null,
      '',
      'Layer 0 was not exported.',
    ]);
    end();
  });

  it('stays of the last step under that step’s name until the next is here', async () => {
    const { server, sentence, playback, then, end } = setup();
    await server.answer(0.5);
    then(() => {
      playback.step = 2000;
    });
    expect(sentence.shown).toMatchObject({ title: 'L0 H1 · step 100', step: 100, late: true });
    expect(sentence.waits).toBe('Still step 100: step 2,000 is on its way');
    await server.answer(0.25);
    expect(sentence.shown).toMatchObject({ title: 'L0 H1 · step 2,000', step: 2000, late: false });
    end();
  });

  it('leaves out special tokens, the first one, and those that were clicked off in this sequence', async () => {
    const { server, sentence, focus, then, end } = setup();
    await server.answer(0.5);
    sentence.hidesSpecial = true;
    expect(sentence.sides.key.gone).toEqual([true, false]);
    expect(told(sentence.shown.weights)).toEqual([0, 0, 0, 1]);
    sentence.hidesSpecial = false;
    sentence.toggle({ side: 'key', token: 1 });
    expect([sentence.sides.query.gone, sentence.isOff({ side: 'query', token: 1 })]).toEqual([
      [false, true],
      true,
    ]);
    then(() => focus.read(1));
    expect(sentence.sides.key.gone).toEqual([false, false]);
    then(() => focus.read(0));
    sentence.toggle({ side: 'query', token: 1 });
    expect(sentence.off).toEqual([]);
    end();
  });
});

describe('what it is held against', () => {
  it('is a pinned step: beside it, and as the difference', async () => {
    const { server, sentence, playback, then, end } = setup();
    await server.answer(0.5);
    then(() => sentence.pins.add({ step: 300 }));
    expect(sentence.panels.map(({ id, title }) => [id, title])).toEqual([
      ['shown', 'L0 H1 · step 100'],
      ['s300', 'step 300'],
      ['difference', 'shown − step 300'],
    ]);
    expect([sentence.pictured.id, sentence.pictured.weights]).toEqual(['difference', null]);
    expect(sentence.waits).toBe('Attention of shown − step 300 is on its way');
    await server.answer(0.75);
    expect(told(sentence.pictured.weights)).toEqual([-0.25, -0.25, -0.25, -0.25]);
    then(() => {
      playback.step = 200; // the pinned step stays
    });
    expect(server.heard.at(-1)).toMatchObject({ step: 200 });
    expect(sentence.pictured).toMatchObject({ title: 'step 100 − step 300', late: true });
    sentence.shows = 'pinned';
    expect([sentence.pictured.title, sentence.pictured.late]).toEqual(['step 300', false]);
    end();
  });

  it('is a pinned head, which is never of another step than what it is held against', async () => {
    const { server, sentence, playback, then, end } = setup();
    sentence.pins.add({ head: { layer: 0, head: 0 } });
    flushSync();
    await server.answer(({ head }) => (1 + head) / 4);
    expect(told(sentence.pictured.weights)).toEqual([0.25, 0.25, 0.25, 0.25]);
    then(() => {
      playback.step = 200;
    });
    expect(sentence.panels.map(({ title }) => title)).toEqual([
      'L0 H1 · step 100',
      'L0 H0 · step 100',
      'step 100 − L0 H0 · step 100',
    ]);
    void sentence.attention.retry(); // the shown head comes later than the pinned one
    await server.answer(({ head }) => (1 + head) / 8);
    expect(sentence.pictured.late).toBe(false);
    expect(told(sentence.pictured.weights)).toEqual([0.125, 0.125, 0.125, 0.125]);
    end();
  });
});

it('says why a pinned head is not compared, and compares it again beside one that attends among the same tokens', () => {
  const { sentence, focus, then, end } = setup();
  then(() => sentence.pins.add({ head: { layer: 0, head: 0 } }));
  expect([sentence.incomparable, sentence.pictured.id]).toEqual(['', 'difference']);
  then(() => focus.open({ layer: 2, head: 0 }));
  expect([sentence.incomparable, sentence.pictured.id]).toEqual([
    'L0 H0 attends among other tokens',
    'shown',
  ]);
  then(() => sentence.pins.add({ step: 0 }));
  expect([sentence.incomparable, sentence.pictured.id]).toEqual(['', 'difference']);
  end();
});

it('selects a token in the sequence, and a position of the mean that belongs to none', () => {
  const { sentence, focus, end } = setup();
  sentence.select({ side: 'key', token: 0 });
  expect(focus.selection).toEqual({ sequence: 0, list: 0, token: 0, side: 'key' });
  sentence.mean = true;
  expect(sentence.sides.query.tokens).toEqual(['0', '1']);
  sentence.select({ side: 'query', token: 1 });
  expect(sentence.selected).toEqual({ side: 'query', token: 1 });
  expect(focus.selection?.side).toBe('key');
  end();
});

it('keeps neither tokens that were clicked off, nor pins, nor a position, when another run is entered', () => {
  const { sentence, then, end } = setup();
  then(() => {
    sentence.toggle({ side: 'query', token: 1 });
    sentence.pins.add({ step: 100 });
  });
  expect([sentence.sides.query.gone, sentence.pins.ones.length]).toEqual([[false, true], 1]);
  then(() => {
    sentence.mean = true;
    sentence.select({ side: 'key', token: 0 });
  });
  expect(sentence.selected).toEqual({ side: 'key', token: 0 });
  then(() => sentence.leave());
  expect(sentence.selected).toEqual({ side: 'query', token: 1 });
  then(() => {
    sentence.mean = false;
  });
  expect([sentence.off, sentence.sides.query.gone, sentence.pins.ones]).toEqual([[], [false, false], []]);
  end();
});
