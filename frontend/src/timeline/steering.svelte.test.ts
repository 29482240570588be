import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type DataSource, SourceError } from '../run/source';
import { Steering } from './steering.svelte';

class Shown {
  run = $state<string | null>('a');
  steps = $state.raw<readonly number[]>([0, 100, 200]);
}

let tags: readonly string[];
let asked: string[];
const source = {
  scalarTags: async (run: string) => {
    asked.push(`${run}?`);
    return tags;
  },
  scalars: async (run: string, tag: string) => {
    asked.push(`${run} ${tag}`);
    const value = tag === 'reward' ? -1 : 1;
    return [0, 50, 100, 300].map((step) => ({ step, value: value * (step + 1) }));
  },
} as unknown as DataSource;

let shown: Shown;
let steering: Steering;
let end: () => void;

async function pass(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    flushSync();
    await vi.advanceTimersByTimeAsync(0);
  }
  flushSync();
}

beforeEach(async () => {
  vi.useFakeTimers();
  tags = ['lr', 'train/loss', 'reward'];
  asked = [];
  shown = new Shown();
  steering = new Steering(
    source,
    () => shown.run,
    () => shown.steps,
  );
  end = $effect.root(() => steering.begin());
  await pass();
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

it('draws the training loss until another scalar is chosen, or none', async () => {
  expect([steering.tag, asked]).toEqual(['train/loss', ['a?', 'a train/loss']]);
  steering.choose('reward');
  await pass();
  expect([steering.tag, steering.shown[0]?.value]).toEqual(['reward', -1]);
  steering.choose(null);
  await pass();
  expect([steering.tag, steering.points.value, steering.possible]).toEqual([null, null, true]);
});

it('never tells another scalar’s number under the chosen one’s name, while its own is on its way or refused', async () => {
  expect(steering.valueAt(0)).toBe('1.00');
  const scalars = vi.spyOn(source, 'scalars').mockReturnValueOnce(new Promise(() => {}));
  steering.choose('reward');
  flushSync();
  expect([steering.tag, steering.valueAt(0), steering.shown]).toEqual(['reward', null, []]);
  scalars.mockRejectedValueOnce(new Error('TensorBoard has no such scalar.'));
  steering.choose('lr');
  await pass();
  expect([steering.valueAt(0), steering.points.error]).toEqual([null, 'TensorBoard has no such scalar.']);
  steering.choose('reward');
  await pass();
  expect([steering.valueAt(0), steering.points.error]).toEqual(['-1.00', null]);
});

it('falls back where the run has not what was chosen', async () => {
  steering.choose('eval/loss');
  await pass();
  expect([steering.chosen, steering.tag]).toEqual(['eval/loss', 'train/loss']);
});

it('asks again when a checkpoint has come, and at once of another run', async () => {
  shown.steps = [0, 100, 200, 300];
  await pass();
  expect(asked.slice(2)).toEqual(['a?', 'a train/loss']);
  shown.run = 'b';
  await pass();
  expect(asked.slice(4)).toEqual(['b?', 'b train/loss']);
});

it('takes no room where the run has no scalars', async () => {
  tags = [];
  shown.run = 'b';
  await pass();
  expect([steering.tag, steering.possible]).toEqual([null, false]);
  steering.leave();
  expect(steering.possible).toBe(true); // not known
});

it('does not show as a part’s own what a later part wrote at the same steps', async () => {
  end();
  const parts = [
    { run: 'a, part 1', part_of: 'a', steps: [0, 50, 100, 200] },
    { run: 'a', part_of: null, steps: [100, 300] },
  ];
  const early = new Steering(
    source,
    () => 'a',
    () => [0, 50, 100, 200],
    () => [parts[0]!, ...parts],
  );
  end = $effect.root(() => early.begin());
  await pass();
  expect(early.shown.map(({ step }) => step)).toEqual([0, 50, 300]); // 300 lies on the other one's timeline
  expect([early.valueAt(50), early.valueAt(100), early.isLater(100)]).toEqual(['51.0', null, true]);
});

it('shows what lies on the timeline, logarithmically only where all of it is positive', async () => {
  expect(steering.shown.map(({ step }) => step)).toEqual([0, 50, 100, 300]);
  steering.logarithmic = true;
  expect([steering.canBeLogarithmic, steering.scale.logarithmic]).toEqual([true, true]);
  steering.choose('reward');
  await pass();
  expect([steering.canBeLogarithmic, steering.scale.logarithmic]).toEqual([false, false]);
});

it('asks again where steps were written again, and draws nothing of the old ones meanwhile', async () => {
  const again = vi
    .spyOn(source, 'scalars')
    .mockClear()
    .mockReturnValueOnce(new Promise(() => {}));
  steering.forget();
  await pass();
  expect([again.mock.calls, steering.shown]).toEqual([[['a', 'train/loss', expect.anything()]], []]);
  expect(asked.slice(2)).toEqual(['a?']);
});

it('asks again for what TensorBoard may not have read yet: no scalars, or none up to the newest checkpoint', async () => {
  tags = [];
  steering.leave();
  shown.run = 'b';
  await pass();
  expect([asked.slice(2), steering.possible]).toEqual([['b?'], false]);
  tags = ['loss'];
  const scalars = vi.spyOn(source, 'scalars').mockResolvedValueOnce([{ step: 0, value: 1 }]);
  await vi.advanceTimersByTimeAsync(4000);
  await pass();
  expect(steering.shown.map(({ step }) => step)).toEqual([0]);
  await vi.advanceTimersByTimeAsync(8000);
  await pass();
  expect(steering.shown.map(({ step }) => step)).toEqual([0, 50, 100, 300]);
  scalars.mockClear();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(scalars).not.toHaveBeenCalled();
});

it('says why there is no curve, and asks again', async () => {
  expect(steering.error).toBeNull();
  vi.spyOn(source, 'scalars').mockRejectedValueOnce(new SourceError('They are gone.'));
  steering.choose('reward');
  await pass();
  expect([steering.error, steering.shown]).toEqual(['They are gone.', []]);
  steering.retry();
  await pass();
  expect([steering.error, steering.shown[0]?.value]).toEqual([null, -1]);
});
