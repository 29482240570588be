import { expect, it } from 'vitest';
import { Latest } from './latest.svelte';
import { SourceError } from './source';

/** An answer that comes when the test says so. */
function held() {
  const signals: AbortSignal[] = [];
  let let_: (value: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const work = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<string>((resolve, reject) => {
      let_ = resolve;
      fail = reject;
    });
  };
  return {
    work,
    signals,
    answer: (value: string) => let_(value),
    fail: (text: string) => fail(new SourceError(text)),
  };
}

it('counts the newest answer only, and keeps the last one while that is under way', async () => {
  const latest = new Latest<string>();
  const [first, second] = [held(), held()];
  const one = latest.load(first.work);
  first.answer('one');
  await one;
  const again = latest.load(first.work);
  const two = latest.load(second.work);
  expect([latest.value, latest.loading, first.signals[1]?.aborted]).toEqual(['one', true, true]);
  first.answer('late');
  second.answer('two');
  await Promise.all([again, two]);
  expect([latest.value, latest.loading]).toEqual(['two', false]);
});

it('says what went wrong until an answer comes, and asks again for the same', async () => {
  const latest = new Latest<string>();
  const asked = held();
  const first = latest.load(asked.work);
  asked.fail('It is gone.');
  await first;
  expect([latest.error, latest.loading]).toEqual(['It is gone.', false]);
  const second = latest.retry();
  asked.answer('here');
  await second;
  expect([latest.error, latest.value]).toEqual([null, 'here']);
});

it('forgets all, also what is under way', async () => {
  const latest = new Latest<string>();
  const asked = held();
  const first = latest.load(asked.work);
  latest.clear();
  asked.answer('late');
  await first;
  expect([latest.value, latest.loading, asked.signals[0]?.aborted]).toEqual([null, false, true]);
  await latest.retry();
  expect(asked.signals).toHaveLength(1);
});
