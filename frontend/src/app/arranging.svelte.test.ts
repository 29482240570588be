import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isDescending } from '../matrix/order';
import { headNumber } from '../render/layout';
import { SyntheticSource } from '../source/synthetic';
import { compose, linkOf, pass, standInBrowser } from './composed.fixture.svelte';
import { goTo } from './entering';
import type { Session } from './session.svelte';

const source = new SyntheticSource({ heads: [3, 2, 4], tokens: 20, checkpoints: 6 });
let session: Session;
let end: () => void;

async function begin(says: Record<string, string | number> = {}): Promise<void> {
  ({ session, end } = await compose(source, says));
  await pass(500);
}

/** Numbers of the heads in reading order. */
const order = () =>
  session.arrangement.grid.rows.flatMap(({ numbers }) => [...numbers].filter((number) => number >= 0));

/** A figure of all heads, as the server has it. */
async function figure(name: string, step: number): Promise<number[]> {
  const { steps, figures, rows, digest: known } = await source.healthSteps('synthetic', null);
  const from = steps.indexOf(step);
  const { data } = await source.healthRows({ run: 'synthetic', rows, known, from, to: from + 1 });
  const heads = data.length / figures.length;
  return [...data.subarray(figures.indexOf(name) * heads, (figures.indexOf(name) + 1) * heads)];
}

const bySize = (values: readonly number[]) => values.map((_, i) => i).sort((i, j) => values[j]! - values[i]!);

beforeEach(() => standInBrowser());
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the arrangement', () => {
  it('sorts by the values at the step at which the user sorts, until told again', async () => {
    await begin({ step: 0 });
    expect(order()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    session.arrangement.arrange('entropy', true);
    expect(order()).toEqual(bySize(await figure('entropy', 0)));
    session.playback.go(5);
    await pass(500);
    expect(order()).toEqual(bySize(await figure('entropy', 0)));
    expect(session.arrangement.outdated).toBe(true);
    expect(session.link).toMatchObject({ arrange: 'entropy', sorted: '0' });
    session.arrangement.again();
    expect(order()).toEqual(bySize(await figure('entropy', 1000)));
    expect(session.arrangement.outdated).toBe(false);
    expect(session.link).not.toHaveProperty('sorted');
    session.arrangement.arrange('entropy', false);
    expect(order()).toEqual(bySize(await figure('entropy', 1000)).reverse());
  });

  it('filters by name and range, and counts what is left', async () => {
    await begin();
    const { arrangement } = session;
    const values = await figure('max_logit', 1000);
    const limit = [...values].sort((a, b) => a - b)[4]!;
    arrangement.keep({ score: 'max_logit', least: limit, most: null });
    expect(order()).toEqual(values.flatMap((value, i) => (value >= limit ? [i] : [])));
    expect([arrangement.grid.shown, arrangement.filtering]).toEqual([5, true]);
    arrangement.show({ names: 'L0, L2H3', ranges: [] });
    expect(order()).toEqual([0, 1, 2, 8]);
    arrangement.show({ names: '' });
    expect([order().length, arrangement.filtering]).toEqual([9, false]);
  });

  it('sorts by change, which is asked for only then', async () => {
    const asked = vi.spyOn(source, 'change');
    await begin({ step: 800 });
    expect(asked).not.toHaveBeenCalled();
    session.arrangement.arrange('change', true);
    await pass(500);
    expect(asked.mock.calls.map(([query]) => [query.since, query.step])).toEqual(
      new Array(3).fill([600, 800]),
    );
    const layers = await Promise.all(
      [0, 1, 2].map((layer) => source.change({ run: 'synthetic', step: 800, since: 600, layer })),
    );
    expect(order()).toEqual(bySize(layers.flatMap(({ data }) => [...data])));
    session.scoring.change.since = 0;
    session.arrangement.again();
    await pass(500);
    expect(asked.mock.calls.at(-1)?.[0].since).toBe(0);
    expect(session.link).toMatchObject({ arrange: 'change', since: '0' });
    // A move away and back asks for nothing twice.
    const count = asked.mock.calls.length;
    session.playback.go(5);
    await pass(50);
    session.playback.go(4);
    await pass(500);
    expect(asked.mock.calls.length).toBe(count);
    asked.mockRestore();
  });

  it('says why there is no change, and asks again when told', async () => {
    const failing = vi.spyOn(source, 'change').mockRejectedValueOnce(new Error('The samples are gone.'));
    await begin({ tint: 'change' });
    expect(session.scoring.change.answers.error).toBe('The samples are gone.');
    session.scoring.change.answers.retry();
    await pass(500);
    expect(session.scoring.change.answers.error).toBeNull();
    expect(session.scoring.change.score.values.every((value) => value > 0)).toBe(true);
    failing.mockRestore();
  });

  it('comes back from a link, with its pins', async () => {
    const place = { arrange: 'sink', sorted: 400, heads: 'L1, L2', border: 'entropy', pinned: '2-3.0-1.7-7' };
    await begin({ ...place, step: 800 });
    const values = await figure('sink', 400);
    expect(order()).toEqual(bySize(values).filter((number) => number >= 3));
    expect(session.arrangement.pinned).toEqual([8, 1]); // there is no layer 7
    expect(session.link).toMatchObject({ ...place, sorted: '400', pinned: '2-3.0-1' });
    session.arrangement.pin({ layer: 2, head: 3 });
    session.arrangement.pin({ layer: 1, head: 0 });
    expect(session.arrangement.pinned).toEqual([1, headNumber(session.grid, { layer: 1, head: 0 })]);
  });

  it('puts alike heads together, the first ones first, when it is asked to', async () => {
    await begin({});
    const asked = vi.spyOn(source, 'headOrder');
    await pass(500);
    expect(asked).not.toHaveBeenCalled();
    expect(session.scores.map(({ id }) => id)).not.toContain('together'); // places are no figure to tint by
    session.arrangement.arrange('together', isDescending('together'));
    await pass(500);
    expect(asked).toHaveBeenCalledTimes(1);
    const places = (await source.headOrder({ run: 'synthetic', step: session.playback.step ?? 0 })).data;
    expect(order()).toEqual(bySize([...places]).reverse());
    expect(session.link).toMatchObject({ arrange: 'together' });
    expect(session.link).not.toHaveProperty('order');
    asked.mockRestore();
  });

  it('sorts by likeness to the opened head, which stays the one until the user sorts again', async () => {
    await begin({ layer: 1, head: 0 });
    const asked = vi.spyOn(source, 'similarity');
    const opened = headNumber(session.grid, { layer: 1, head: 0 });
    const n = session.grid.total;
    const { step } = session.playback;
    expect(session.scores.find(({ id }) => id === 'likeness')?.title).toBe('Likeness to L1 H0');
    await pass(500);
    expect(asked).not.toHaveBeenCalled(); // nothing uses it yet
    session.arrangement.arrange('likeness', true);
    await pass(500);
    const table = (await source.similarity({ run: 'synthetic', step: step ?? 0 })).data;
    const row = (head: number) => [...table.subarray(head * n, (head + 1) * n)];
    expect(order()).toEqual(bySize(row(opened)));
    expect(order()[0]).toBe(opened);
    expect(session.link).toMatchObject({ arrange: 'likeness', like: '1-0' });

    const other = { layer: 2, head: 3 };
    session.focus.open(other);
    await pass(500);
    expect(order()).toEqual(bySize(row(opened)));
    expect(session.arrangement.outdated).toBe(true);
    session.arrangement.again();
    await pass(500);
    expect(order()).toEqual(bySize(row(headNumber(session.grid, other))));
    expect(session.arrangement.outdated).toBe(false);
  });

  it('forgets what was known of another run’s heads', async () => {
    await begin({ arrange: 'change', step: 600 });
    await pass(1000);
    const natural = session.places.map((_, number) => number);
    expect(order()).not.toEqual(natural);
    vi.spyOn(source, 'change').mockReturnValue(new Promise(() => {}));
    goTo(session, linkOf({ run: 'lower-learning-rate', arrange: 'change' }));
    await pass(1000);
    expect(order()).toEqual(natural);
  });
});
