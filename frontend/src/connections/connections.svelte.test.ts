import { flushSync } from 'svelte';
import { describe, expect, it } from 'vitest';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { HeadPlace } from '../run/head';
import { runOf } from '../run/run.fixture';
import { Connections } from './connections.svelte';

const LINK = { layer: 0, head: 0, by: 'keys', contributions: [1, 2], shares: [1, 1], since: [0, 0] } as const;

describe('connections', () => {
  it('are those of the opened head at the shown step, or none', async () => {
    const asked: ConnectionsQuery[] = [];
    const answers: (() => void)[] = [];
    const signals: (AbortSignal | undefined)[] = [];
    const source = {
      connections: (query: ConnectionsQuery, signal?: AbortSignal) => {
        asked.push(query);
        signals.push(signal);
        const found: HeadConnections = { ...query, steps: [0, 100], fed_by: [LINK], feeds: [] };
        return new Promise<HeadConnections>((resolve) => answers.push(() => resolve(found)));
      },
    };
    let opened = $state<HeadPlace | null>(null);
    let step = $state(100);
    const connections = new Connections({
      data: { run: runOf(), source },
      focus: {
        get opened() {
          return opened;
        },
      },
      playback: {
        get step() {
          return step;
        },
      },
    });
    const end = $effect.root(() => connections.begin());
    flushSync();
    expect(asked).toEqual([]); // nothing is open
    opened = { layer: 1, head: 0 };
    flushSync();
    expect([connections.busy, connections.recorded, connections.links]).toEqual([true, false, []]);
    answers[0]?.();
    await expect.poll(() => connections.links[0]?.contribution).toBe(2);
    step = 50;
    flushSync();
    expect([connections.links[0]?.contribution, connections.at]).toEqual([1, 0]);
    opened = { layer: 1, head: 1 };
    flushSync();
    expect(connections.links).toEqual([]); // never another head's
    expect(connections.recorded).toBe(true); // but the run has some
    answers[1]?.();
    await expect.poll(() => connections.links.length).toBe(1);
    expect(asked).toEqual([
      { run: 'a', layer: 1, head: 0 },
      { run: 'a', layer: 1, head: 1 },
    ]);
    opened = { layer: 0, head: 0 };
    flushSync();
    expect([connections.busy, connections.recorded]).toEqual([true, true]);
    opened = null; // nobody waits for them any more
    flushSync();
    expect([connections.busy, signals[2]?.aborted]).toEqual([false, true]);
    opened = { layer: 1, head: 1 };
    flushSync();
    answers[3]?.();
    await expect.poll(() => connections.recorded).toBe(true);
    connections.leave();
    expect(connections.recorded).toBe(false);
    end();
  });
});
