import { beforeEach, expect, it } from 'vitest';
import { indexTokens } from './places';
import { runOf, textOf } from './run.fixture';
import { RunState } from './run_state.svelte';
import type { DataSource } from './source';
import type { Run } from './types';

let runs: Run[];
let data: RunState;

beforeEach(async () => {
  runs = [runOf({ run: 'a' }), runOf({ run: 'b', steps: [0] })];
  const source = { runs: async () => structuredClone({ runs }) } as unknown as DataSource;
  data = new RunState(source);
  await data.refresh();
});

it('is the run of its name, and none where there is no such run', () => {
  expect([data.run, data.layers, data.lists]).toEqual([null, [], []]);
  data.name = 'b';
  expect([data.run?.steps, data.layers.length, data.lists.length, data.layerTokens.length]).toEqual([
    [0],
    1,
    1,
    1,
  ]);
  data.name = 'c';
  expect(data.run).toBeNull();
});

it('stays the same object while nothing has changed', async () => {
  data.name = 'a';
  const { run } = data;
  await data.refresh();
  expect(data.run).toBe(run);
  runs = [runOf({ run: 'a', steps: [0, 100, 200, 300, 400] })];
  await data.refresh();
  expect(data.run?.steps.at(-1)).toBe(400);
});

it('lets a slow answer come, however often it is asked meanwhile', async () => {
  const answers: (() => void)[] = [];
  const slow = { runs: () => new Promise((done) => answers.push(() => done({ runs }))) };
  data = new RunState(slow as unknown as DataSource);
  const first = data.refresh();
  for (let i = 0; i < 2; i++) void data.refresh();
  answers[0]?.();
  await first;
  expect([answers.length, data.runs.value?.runs.length]).toEqual([1, 2]);
  void data.refresh();
  expect(answers).toHaveLength(2);
});

it('keeps the shown run while it is not listed, and says so', async () => {
  data.name = 'b';
  await data.refresh();
  const { run } = data;
  const all = runs;
  runs = [];
  for (let i = 0; i < 2; i++) await data.refresh();
  expect([data.run, data.gone]).toEqual([run, true]);
  data.name = 'a'; // which was never shown
  expect([data.run, data.gone]).toEqual([null, false]);
  data.name = 'b';
  runs = all;
  await data.refresh();
  expect([data.run?.run, data.gone]).toEqual(['b', false]);
});

it('waits for the probe, which goes with its run', async () => {
  let let_: (index: ReturnType<typeof indexTokens>) => void = () => {};
  const loaded = data.probe.load(() => new Promise((resolve) => (let_ = resolve)));
  expect(data.busy).toBe(true);
  let_(indexTokens({ run: 'a', sequences: [textOf('a b')] }));
  await loaded;
  expect([data.busy, data.probe.value?.tokens]).toEqual([false, 2]);
  data.leave();
  expect(data.probe.value).toBeNull();
});
