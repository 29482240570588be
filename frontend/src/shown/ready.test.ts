import { beforeEach, expect, it } from 'vitest';
import type { PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION, type Method } from '../run/projection';
import type { PointLoader } from './point_loader';
import { canShow, settled } from './ready';

const query = (head: number, method: Method): PointsQuery => ({
  run: 'a',
  step: 100,
  layer: 0,
  head,
  projection: { ...DEFAULT_PROJECTION, method },
  dims: 2,
  frame: 300,
});

/** Heads whose points are here. */
let here: Set<number>;
/** The same of the second one of two that are compared. */
let second: Set<number>;
const loader = {
  settled: ({ run, head }: PointsQuery) => (run === 'a' ? here : second).has(head ?? -1),
} as unknown as PointLoader;

function shown(slow: boolean, playing = true, stopped = false) {
  const questions = (run: string) =>
    [0, 1, 2].map((head) => ({ query: { ...query(head, slow ? 'tsne' : 'pca'), run }, numbers: [head] }));
  return {
    loader,
    focus: { opened: { layer: 0, head: 2 } },
    axes: { slow, stopped },
    matrix: { questions: () => questions('a') },
    against: { questions: (step: number | undefined) => (step === 100 ? questions('b') : []) },
    playback: { steps: [0, 100], playing },
    inView: Uint32Array.of(0, 1),
  };
}
let session: ReturnType<typeof shown>;
const mayGo = (...args: Parameters<typeof shown>) => {
  session = shown(...args);
  return canShow(session, 1);
};

beforeEach(() => {
  here = new Set();
  second = new Set([0, 1, 2]);
});

it('waits for all points of the next step, and for those of the compared run', () => {
  expect(mayGo(false)).toBe(false);
  here = new Set([0, 1]);
  expect(mayGo(false)).toBe(false);
  here = new Set([0, 1, 2]);
  expect(mayGo(false)).toBe(true);
  second.delete(2);
  expect(mayGo(false)).toBe(false);
});

it('plays on with slow heads as soon as those in view are here, and glides without them', () => {
  here = new Set([0]);
  expect(mayGo(true)).toBe(false);
  here = new Set([0, 1]);
  expect(mayGo(true)).toBe(true);
  second = new Set([1, 2]);
  expect(mayGo(true)).toBe(false);
  here = new Set();
  expect(mayGo(true, false)).toBe(true);
});

it('awaits nothing of slow heads that were stopped, but for the opened one', () => {
  session = shown(true, true, true);
  expect([0, 2].map((head) => settled(session, query(head, 'tsne')))).toEqual([true, false]);
  expect(settled(session, query(0, 'pca'))).toBe(false);
});
