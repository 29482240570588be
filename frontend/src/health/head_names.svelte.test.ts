import { flushSync } from 'svelte';
import { describe, expect, it } from 'vitest';
import type { Findings, FindingsQuery, RunEvent } from '../run/findings';
import type { Waiting } from '../run/source';
import type { Run } from '../run/types';
import { HeadNames } from './head_names.svelte';

const EVENT: RunEvent = {
  step: 50,
  what: 'restart',
  sentence: '',
  layer: null,
  head: null,
  kind: null,
  trouble: false,
  since: null,
};
const STEPS = [0, 100, 200, 300, 400];
const PLACE = { layer: 0, head: 1 };

/** @param heads of the run, of which the second one has a name */
function found(query: FindingsQuery, heads = 2): Findings {
  const named = Array.from({ length: heads }, (_, head) => ({
    ...{
      layer: 0,
      head,
      title: `of ${query.step}`,
      also: [],
      sentence: '',
      unhealthy: null,
      why: [],
      findings: [],
      lost: [],
    },
  }));
  return { ...query, sampled: null, lasting: 1, heads: named, groups: [], events: [EVENT] };
}

/** Names of a run that is played by hand, and what was asked for; answers come when the test says so. */
function watched(heads = 2) {
  const asked: { step: number; signal: AbortSignal | undefined; answer: () => void; fail: () => void }[] = [];
  const source = {
    findings: (query: FindingsQuery, { signal }: Waiting = {}) =>
      new Promise<Findings>((resolve, reject) => {
        const answer = () => resolve(found(query, heads));
        asked.push({ step: query.step, signal, answer, fail: () => reject(new Error('No maps.')) });
      }),
  };
  let run = $state.raw({ run: 'a', error: null } as Run);
  let index = $state(1);
  let playing = $state(false);
  let following = $state(true);
  const playback = {
    steps: STEPS,
    get index() {
      return index;
    },
    get step() {
      return STEPS[index] ?? null;
    },
    get playing() {
      return playing;
    },
    get following() {
      return following;
    },
    upcoming: (count: number) => Array.from({ length: count }, (_, i) => index + 1 + i),
  };
  const data = {
    source,
    get run() {
      return run;
    },
  };
  const names = new HeadNames({ data, playback });
  const end = $effect.root(() => names.begin());
  flushSync();
  return {
    names,
    asked,
    end,
    steps: () => asked.map(({ step }) => step),
    go(to: number, how: { playing?: boolean; following?: boolean } = {}) {
      index = to;
      playing = how.playing ?? false;
      following = how.following ?? false;
      flushSync();
    },
    list(listed: Run) {
      run = listed;
      flushSync();
    },
    async answer(at: number) {
      asked[at]?.answer();
      await new Promise((resolve) => setTimeout(resolve));
      flushSync();
    },
  };
}

describe('the names of heads', () => {
  it('are those of the shown run and step, or none', async () => {
    const { names, answer, go, steps, end } = watched();
    expect([names.of(PLACE), names.busy]).toEqual([null, true]);
    await answer(0);
    expect([names.of(PLACE)?.title, names.busy]).toEqual(['of 100', false]);
    expect(names.of({ layer: 1, head: 1 })).toBeNull();
    go(2, { following: true });
    expect([names.findings, names.busy]).toEqual([null, true]);
    expect(names.events).toEqual([EVENT]); // of the run, whichever the step
    await answer(1);
    expect(names.of(PLACE)?.title).toBe('of 200');
    expect(steps()).toEqual([100, 200]); // nothing comes after the newest step
    names.leave();
    expect([names.findings, names.events]).toEqual([null, null]);
    end();
  });

  it('are fetched ahead while Play goes on, and are there at once then', async () => {
    const { names, answer, go, steps, end } = watched();
    await answer(0);
    go(1, { playing: true });
    expect(steps()).toEqual([100, 200]);
    expect(names.busy).toBe(false);
    await answer(1);
    expect(steps()).toEqual([100, 200, 300]); // one after the other
    go(2, { playing: true });
    expect([names.of(PLACE)?.title, names.busy]).toEqual(['of 200', false]);
    go(1);
    expect(names.of(PLACE)?.title).toBe('of 100');
    end();
  });

  it('of steps that nobody wants any more are not waited for', async () => {
    const { names, asked, answer, go, steps, end } = watched();
    go(4);
    expect(asked[0]?.signal?.aborted).toBe(true);
    await answer(0);
    expect(names.findings).toBeNull();
    await answer(1);
    expect(names.of(PLACE)?.title).toBe('of 400');
    expect(steps()).toEqual([100, 400, 300]); // and the steps before it
    end();
  });

  it('stay while a longer run is asked, and are forgotten with another one', async () => {
    const { names, answer, list, steps, end } = watched();
    await answer(0);
    list({ run: 'a', error: null, steps: STEPS } as unknown as Run);
    expect([names.of(PLACE)?.title, names.busy]).toEqual(['of 100', true]);
    await answer(1);
    expect(names.busy).toBe(false);
    list({ run: 'b', error: null } as Run);
    expect([names.findings, names.events, names.busy]).toEqual([null, null, true]);
    expect(steps()).toEqual([100, 100, 100]);
    end();
  });

  it('say why there are none, until their step is shown again', async () => {
    const { names, asked, go, answer, end } = watched();
    asked[0]?.fail();
    await answer(9);
    expect([names.error, names.busy]).toEqual(['No maps.', false]);
    go(2);
    expect(names.error).toBeNull();
    go(1);
    expect([names.error, names.busy]).toEqual([null, true]);
    end();
  });

  it('of many heads are kept for few steps, the shown one among them', async () => {
    const { names, answer, go, steps, end } = watched(20_000);
    await answer(0);
    go(3, { following: true });
    await answer(1);
    go(4, { following: true });
    await answer(2);
    expect(names.of(PLACE)?.title).toBe('of 400');
    go(1, { following: true });
    expect(names.findings).toBeNull();
    expect(steps()).toEqual([100, 300, 400, 100]);
    end();
  });
});
