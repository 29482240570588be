import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runOf } from '../run/run.fixture';
import { LostError, SilentError, SourceError } from '../run/source';
import type { Runs } from '../run/types';
import { Connection } from './connection.svelte';

let away: boolean;
let names: string[];
let connection: Connection;
const looks = vi.fn(async (): Promise<Runs> => {
  if (away) throw new LostError('TensorBoard does not answer.');
  return { runs: names.map((run) => runOf({ run })) };
});

beforeEach(() => {
  vi.useFakeTimers();
  looks.mockClear();
  [away, names] = [false, ['a']];
  connection = new Connection({ runs: looks });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a server answers that has this to say of run a. */
const asked = vi.fn(async () => {
  if (away) throw new LostError('TensorBoard does not answer.');
  if (!names.includes('a')) throw new SourceError('There is no run “a”.', 404);
  return 'points';
});

function ask(signal?: AbortSignal) {
  const heard: unknown[] = [];
  connection.ask('a', asked, signal).then(
    (answer) => heard.push(answer),
    (error: Error) => heard.push(error.message),
  );
  return heard;
}

it('passes an answer on', async () => {
  const heard = ask();
  await vi.advanceTimersByTimeAsync(0);
  expect([heard, connection.lost, looks.mock.calls.length]).toEqual([['points'], false, 0]);
});

it('asks again by itself when the server is back, whoever waits, and says that it is away once', async () => {
  away = true;
  const all = [ask(), ask(), ask()];
  await vi.advanceTimersByTimeAsync(60_000);
  expect([all, connection.lost]).toEqual([[[], [], []], true]);
  expect(looks.mock.calls.length).toBeLessThan(40); // they look together
  away = false;
  await vi.advanceTimersByTimeAsync(3000);
  expect([all, connection.lost]).toEqual([[['points'], ['points'], ['points']], false]);
});

it('waits for the run, which a server that has just begun does not list yet', async () => {
  names = [];
  const heard = ask();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([heard, connection.lost]).toEqual([[], false]);
  names = ['b', 'a'];
  await vi.advanceTimersByTimeAsync(3000);
  expect(heard).toEqual(['points']);
});

it('says at once that a server is away which took a question and was silent', async () => {
  looks.mockReturnValueOnce(new Promise(() => {}));
  asked.mockRejectedValueOnce(new SilentError('TensorBoard does not answer.'));
  ask();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.lost).toBe(true);
});

it('stops waiting when the answer is no longer wanted', async () => {
  away = true;
  const { signal, abort } = controller();
  const heard = ask(signal);
  await vi.advanceTimersByTimeAsync(2000);
  abort();
  await vi.advanceTimersByTimeAsync(0);
  const looked = looks.mock.calls.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect([heard.length, looks.mock.calls.length]).toEqual([1, looked]);
});

describe('a server that is well', () => {
  it('refuses with its own sentence, at once', async () => {
    asked.mockRejectedValueOnce(new SourceError('There is no step 7.', 404));
    const heard = ask();
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['There is no step 7.']);
  });

  it('is not asked for ever for what always breaks off', async () => {
    const broken = vi.fn(async () => {
      throw new LostError('The answer broke off.');
    });
    const heard: string[] = [];
    connection.ask('a', broken).catch((error: Error) => heard.push(error.message));
    await vi.advanceTimersByTimeAsync(60_000);
    expect([heard, broken.mock.calls.length, connection.lost]).toEqual([['The answer broke off.'], 3, false]);
  });

  it('may have refused because it was still reading', async () => {
    away = true;
    const heard = ask();
    await vi.advanceTimersByTimeAsync(5000);
    away = false;
    asked.mockRejectedValueOnce(new SourceError('There is no step 100 yet.', 404));
    await vi.advanceTimersByTimeAsync(6000);
    expect(heard).toEqual(['points']);
  });
});

function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: () => own.abort() };
}
