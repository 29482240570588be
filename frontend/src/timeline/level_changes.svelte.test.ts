import { flushSync } from 'svelte';
import { expect, it } from 'vitest';
import type { ChangePoints, FigureOfRunQuery } from '../run/change_points';
import { runOf } from '../run/run.fixture';
import { LevelChanges } from './level_changes.svelte';

it('changes of level are those of the shown figure, asked for while the strip is open', async () => {
  const asked: FigureOfRunQuery[] = [];
  const answers: (() => void)[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const points = [{ head: 1, step: 100, before: 0, after: 1 }];
  const source = {
    changePoints: (query: FigureOfRunQuery, signal?: AbortSignal) => {
      asked.push(query);
      signals.push(signal);
      return new Promise<ChangePoints>((resolve) => answers.push(() => resolve({ ...query, points })));
    },
  };
  let open = $state(false);
  let tint = $state<string | null>('induction');
  const changes = new LevelChanges({
    data: { run: runOf(), source },
    health: {
      get tint() {
        return tint;
      },
    },
    strip: {
      get open() {
        return open;
      },
    },
  });
  const end = $effect.root(() => changes.begin());
  flushSync();
  expect(asked).toEqual([]);
  open = true;
  flushSync();
  expect([changes.points, changes.busy]).toEqual([[], true]);
  answers[0]?.();
  await expect.poll(() => changes.points).toEqual(points);
  tint = 'entropy';
  flushSync();
  expect(changes.points).toEqual([]); // never another figure's
  expect(asked.map(({ figure }) => figure)).toEqual(['induction', 'entropy']);
  open = false; // nobody waits for them any more
  flushSync();
  expect([changes.busy, signals[1]?.aborted]).toEqual([false, true]);
  open = true;
  flushSync();
  expect(changes.busy).toBe(true);
  changes.leave();
  expect(changes.busy).toBe(false);
  end();
});
