import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Points, PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION, type Method } from '../run/projection';
import { type DataSource, SourceError, type Waiting } from '../run/source';
import type { Priority } from '../run/types';
import { PointLoader, type Wanted } from './point_loader';

interface Asked {
  readonly query: PointsQuery;
  readonly waiting: Waiting;
  readonly answer: (values: readonly number[], notes?: ReadonlyMap<number, string>) => Promise<void>;
  readonly fail: (sentence: string) => Promise<void>;
}
let asked: Asked[];
let loader: PointLoader;

/** Answers when the test says so; an aborted question is refused like fetch refuses it. */
const source = {
  points: (query: PointsQuery, waiting: Waiting = {}) =>
    new Promise<Points>((resolve, reject) => {
      waiting.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      asked.push({
        query,
        waiting,
        answer: async (values, notes = new Map()) => {
          resolve({ shape: [1, values.length, 1], data: Float32Array.from(values), notes });
          await settle();
        },
        fail: async (sentence) => {
          reject(new SourceError(sentence));
          await settle();
        },
      });
    }),
} as unknown as DataSource;

const settle = () => vi.advanceTimersByTimeAsync(0);

function wanted(
  method: Method,
  head: number,
  more: Partial<PointsQuery> = {},
  priority: Priority = 0,
): Wanted {
  const projection = { ...DEFAULT_PROJECTION, method };
  return { run: 'a', step: 0, layer: 0, head, projection, dims: 2, frame: 0, ...more, priority };
}
const heads = (...numbers: number[]) => numbers.map((head) => wanted('tsne', head));
const open = () => asked.filter(({ waiting }) => !waiting.signal?.aborted).map(({ query }) => query.head);

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  loader = new PointLoader(source);
});
afterEach(() => {
  loader.destroy();
  vi.useRealTimers();
});

it('begins slow work only when the hand rests on a step', async () => {
  for (const step of [0, 100, 200]) {
    loader.want([wanted('tsne', 1, { step })]);
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(150);
  expect(asked.map(({ query }) => query.step)).toEqual([200]);
});

it('asks at once for what is fast', () => {
  loader.want([wanted('biplot', 1), wanted('pca', 1)]);
  expect(asked.length).toBe(2);
});

it('waits for eight slow heads at a time, the first ones first, and goes on with the next', async () => {
  loader.want(heads(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  await vi.advanceTimersByTimeAsync(200);
  expect(open()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await asked[3]!.answer([1]);
  expect(open()).toContain(8);
  expect(open()).not.toContain(9);
});

it('lets go of slow heads when others come into view, and of all when none is wanted', async () => {
  loader.want(heads(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  await vi.advanceTimersByTimeAsync(200);
  loader.want(heads(8, 9, 0, 1, 2, 3, 4, 5, 6, 7));
  await settle();
  expect(open().sort()).toEqual([0, 1, 2, 3, 4, 5, 8, 9]);
  loader.want([]);
  await settle();
  expect(open()).toEqual([]);
});

it('tells the server how urgent a head is now, also while it waits', async () => {
  const once = wanted('tsne', 1, {}, 2);
  loader.want([once]);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked[0]!.waiting.priority?.()).toBe(2);
  loader.want([{ ...once, priority: 0 }]);
  expect(asked[0]!.waiting.priority?.()).toBe(0);
});

it('starts preliminary axes although every place is taken by axes that are being fitted', () => {
  loader.want([0, 1, 2, 3, 4].map((head) => wanted('biplot', head)));
  expect(asked.length).toBe(4);
  loader.want([
    ...[0, 1, 2, 3, 4].map((head) => wanted('biplot', head)),
    wanted('biplot', 0, { fit: 'newest' }),
  ]);
  expect(asked.map(({ query }) => query.fit)).toEqual([undefined, undefined, undefined, undefined, 'newest']);
});

it('tells pictures apart by parameters that the method has', async () => {
  const query = wanted('tsne', 1);
  loader.want([query]);
  await vi.advanceTimersByTimeAsync(200);
  await asked[0]!.answer([1, 2]);
  const other = (change: object) =>
    loader.points({ ...query, projection: { ...query.projection, ...change } });
  expect(other({ neighbours: 3 })).toEqual(Float32Array.of(1, 2));
  expect(other({ perplexity: 3 })).toBeNull();
});

it('keeps the sentence of a head without a picture, and of one that failed until it is asked for again', async () => {
  loader.want(heads(1, 2));
  await vi.advanceTimersByTimeAsync(200);
  await asked[0]!.answer([Number.NaN], new Map([[1, 'Keys are not finite.']]));
  await asked[1]!.fail('The worker died.');
  const [first, second] = heads(1, 2);
  expect(loader.notesOf(first!)?.get(1)).toBe('Keys are not finite.');
  expect(loader.error(second!)).toBe('The worker died.');
  loader.retry(second!);
  expect(loader.error(second!)).toBeNull();
  expect(asked.length).toBe(3);
});

it('puts points that are projected alone at their own numbers', async () => {
  const query = wanted('tsne', 1, { alone: { id: '1', points: [1, 3], of: 4 }, dims: 2 });
  loader.want([query]);
  await vi.advanceTimersByTimeAsync(200);
  await asked[0]!.answer([10, 11, 30, 31]);
  const nowhere = Number.NaN;
  expect([...loader.points(query)!]).toEqual([nowhere, nowhere, 10, 11, nowhere, nowhere, 30, 31]);
});
