import { flushSync } from 'svelte';
import { describe, expect, it } from 'vitest';
import type { Findings, FindingsQuery, Run, RunEvent } from '../run/types';
import { HeadNames } from './head_names.svelte';

const EVENT: RunEvent = {
  step: 50,
  what: 'restart',
  sentence: '',
  layer: null,
  head: null,
  kind: null,
  trouble: false,
};

function found(query: FindingsQuery): Findings {
  const head = { layer: 0, head: 1, title: `of ${query.step}`, sentence: '', findings: [], lost: [] };
  return { ...query, sampled: null, heads: [head], groups: [], events: [EVENT] };
}

describe('the names of heads', () => {
  it('are those of the shown run and step, or none', async () => {
    const asked: FindingsQuery[] = [];
    const answers: (() => void)[] = [];
    const source = {
      findings: (query: FindingsQuery) => {
        asked.push(query);
        return new Promise<Findings>((resolve) => answers.push(() => resolve(found(query))));
      },
    };
    let step = $state(100);
    const run = { run: 'a', error: null } as Run;
    const session = {
      data: { run, source },
      playback: {
        get step() {
          return step;
        },
      },
    };
    const names = new HeadNames(session);
    const end = $effect.root(() => names.begin());
    flushSync();
    expect(names.of({ layer: 0, head: 1 })).toBeNull();
    expect(names.busy).toBe(true);
    answers[0]?.();
    await expect.poll(() => names.of({ layer: 0, head: 1 })?.title).toBe('of 100');
    expect(names.busy).toBe(false);
    expect(names.of({ layer: 1, head: 1 })).toBeNull();
    step = 200;
    flushSync();
    expect(names.findings).toBeNull();
    expect(names.events).toEqual([EVENT]); // of the run, whichever the step
    answers[1]?.();
    await expect.poll(() => names.of({ layer: 0, head: 1 })?.title).toBe('of 200');
    expect(asked).toEqual([
      { run: 'a', step: 100 },
      { run: 'a', step: 200 },
    ]);
    names.leave();
    expect([names.findings, names.events]).toEqual([null, null]);
    end();
  });
});
