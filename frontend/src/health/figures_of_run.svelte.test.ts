import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DataSource } from '../run/source';
import { FiguresOfRun, type Wanted } from './figures_of_run.svelte';
import { valueAt } from './health';
import { sourceOf, type Written } from './shown_health.fixture.svelte';

const HEADS = 110;

/** Two figures of many heads: too many numbers to be held whole. */
function written(rows: number, restarted = 0): Written {
  const steps = Array.from({ length: rows }, (_, row) => 10 * row);
  const value = (row: number, head: number) => ((row * 31 + head * 17 + restarted) % 1000) / 8;
  const figures = {
    entropy: steps.map((_, row) => Array.from({ length: HEADS }, (_, head) => value(row, head))),
    sink: steps.map((_, row) => Array.from({ length: HEADS }, (_, head) => -value(row, head))),
  };
  return { run: 'a', steps, heads: [50, 60], figures, digest: `${rows} ${restarted}` };
}

let now: Written;
let asked: [route: string, from: number, to: number][];
let held: FiguresOfRun;
let wanted: Wanted;
let look: (next: Wanted) => void;
let end: () => void;

/** What a server would say of a digest, which is of the rows up to there. */
const source = (): DataSource => {
  const own = sourceOf(() => now);
  const spy =
    <Query extends { from: number; to: number }, Answer>(route: string, work: (query: Query) => Answer) =>
    (query: Query) => {
      asked.push([route, query.from, query.to]);
      return work(query);
    };
  return {
    ...own,
    healthSteps: async (run: string, known: { from: number; known: string } | null) => {
      const whole = await own.healthSteps(run, null);
      const same = known?.known.split(' ')[1] === now.digest?.split(' ')[1];
      return known && same ? { ...whole, from: known.from, steps: whole.steps.slice(known.from) } : whole;
    },
    healthRows: spy('rows', own.healthRows),
    healthFigure: spy('figure', own.healthFigure),
    healthRange: spy('range', own.healthRange),
  } as unknown as DataSource;
};

async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    flushSync();
    await new Promise((done) => setTimeout(done));
  }
}

beforeEach(() => {
  asked = [];
  end = $effect.root(() => {
    held = new FiguresOfRun();
    let current = $state.raw<Wanted>({ steps: [], figures: ['entropy'], head: null });
    look = (next) => {
      wanted = next;
      current = next;
    };
    $effect(() => held.want(current));
  });
});
afterEach(() => end());

it('holds a short run whole, and asks once', async () => {
  now = written(20);
  look({ steps: [0], figures: ['entropy'], head: 3 });
  held.update(source(), 'a');
  await settle();
  expect(asked).toEqual([['rows', 0, 20]]);
  const series = held.figures?.get('sink');
  expect([valueAt(series!, 190, 7), series?.extremes?.every, series?.rangeOf(3)?.every]).toEqual([
    -((19 * 31 + 7 * 17) % 1000) / 8,
    1,
    1,
  ]);
  now = written(23);
  held.update(source(), 'a');
  await settle();
  expect(asked.slice(1)).toEqual([['rows', 20, 23]]); // what is new, and no more
  expect([held.figures?.get('sink')?.steps.length, held.error]).toEqual([23, null]);
});

it('holds of a long run exact figures around what is looked at, and over all steps what a screen shows', async () => {
  now = written(5000);
  look({ steps: [20_000], figures: ['entropy'], head: 7 });
  held.update(source(), 'a');
  await settle();
  const each = Math.floor(2 ** 18 / (2 * HEADS));
  const block = Math.floor(2000 / each);
  expect(asked).toEqual([
    ['rows', block * each, (block + 1) * each],
    ['figure', 0, 5000],
    ['range', 0, 5000],
    ['range', 0, 5000],
  ]);
  const series = held.figures!.get('entropy')!;
  expect(valueAt(series, 20_000, 7)).toBe(((2000 * 31 + 7 * 17) % 1000) / 8);
  expect(series.at(0)).toBeNull(); // not here, and not made up
  expect(series.scale).toMatchObject({ low: 0, high: 999 / 8 });
  const { every, count, low, high, highAt } = series.extremes!;
  expect([every, count]).toEqual([8, 625]);
  for (const [bucket, head] of [
    [0, 0],
    [311, 23],
    [624, 109],
  ] as const) {
    const rows = Array.from({ length: every }, (_, i) => bucket * every + i);
    const values = rows.map((row) => ((row * 31 + head * 17) % 1000) / 8);
    const at = bucket * HEADS + head;
    expect([low[at], high[at]]).toEqual([Math.min(...values), Math.max(...values)]);
    expect(highAt?.[at]).toBe(rows[values.indexOf(Math.max(...values))]);
  }
  const own = series.rangeOf(7)!;
  expect(own.high[100]).toBe(
    Math.max(...Array.from({ length: 8 }, (_, i) => (((800 + i) * 31 + 7 * 17) % 1000) / 8)),
  );
});

it('asks of a run that grows for what is new, and anew of one that was begun again', async () => {
  now = written(5001);
  look({ steps: [50_000], figures: ['entropy'], head: null });
  held.update(source(), 'a');
  await settle();
  const before = held.figures!.get('entropy')!.extremes!;
  asked = [];
  now = written(5003);
  held.update(source(), 'a');
  await settle();
  expect(asked).toEqual([
    ['rows', 5001, 5003],
    ['figure', 5000, 5003],
    ['range', 5000, 5003],
  ]);
  const after = held.figures!.get('entropy')!.extremes!;
  expect(after.low.subarray(0, 624 * HEADS)).toEqual(before.low.subarray(0, 624 * HEADS));
  expect(held.rewritten).toBe(0); // only grown
  look({ ...wanted, steps: [50_020] });
  await settle();
  expect(valueAt(held.figures!.get('entropy')!, 50_020, 3)).toBe(((5002 * 31 + 3 * 17) % 1000) / 8);
  now = written(5003, 1);
  held.update(source(), 'a');
  await settle();
  expect(valueAt(held.figures!.get('entropy')!, 50_020, 3)).toBe(((5002 * 31 + 3 * 17 + 1) % 1000) / 8);
  expect(held.rewritten).toBe(1);
});

it('says what went wrong, and tries again when it is told to', async () => {
  now = written(20);
  look({ steps: [0], figures: [], head: null });
  const good = source();
  let broken = true;
  const healthRows: DataSource['healthRows'] = (query) =>
    broken ? Promise.reject(new Error('The server is away.')) : good.healthRows(query);
  held.update({ ...good, healthRows }, 'a');
  await settle();
  expect([held.figures, held.error, held.loading]).toEqual([null, 'The server is away.', false]);
  broken = false;
  held.retry();
  await settle();
  expect([held.figures?.size, held.error]).toEqual([2, null]);
});

it('shows nothing of another run, and asks for the rows of the new one, of which there are as many', async () => {
  now = written(20);
  look({ steps: [0], figures: ['entropy'], head: 3 });
  held.update(source(), 'a');
  await settle();
  now = { ...written(20, 1), run: 'b' };
  held.update(source(), 'b');
  expect(held.figures).toBeNull();
  await settle();
  expect(valueAt(held.figures!.get('entropy')!, 0, 3)).toBe((3 * 17 + 1) / 8);
  expect([held.error, held.rewritten]).toEqual([null, 0]);
});
