import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Points, PointsQuery } from '../run/pictures';
import type { Waiting } from '../run/source';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';

/** A run of 2 × 2 heads whose points come when the test lets them. */
class Held extends SyntheticSource {
  readonly waiting: { query: PointsQuery; let: () => void; signal: AbortSignal | undefined }[] = [];
  holds: (query: PointsQuery) => boolean = () => false;

  override async points(query: PointsQuery, waiting: Waiting = {}): Promise<Points> {
    if (this.holds(query)) {
      waiting.onProgress?.({ state: 'computing', done: 1, total: 4 });
      const { signal } = waiting;
      await new Promise<void>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
        this.waiting.push({ query, let: resolve, signal });
      });
    }
    return super.points(query, waiting);
  }

  /** Lets go what it holds, where `which` says so. */
  async letGo(which: (query: PointsQuery) => boolean = () => true): Promise<void> {
    for (const held of this.waiting.splice(0)) {
      if (which(held.query)) held.let();
      else this.waiting.push(held);
    }
    await pass();
  }
}

let source: Held;
let session: Session;
let end: () => void;
let frames: FrameRequestCallback[];

async function begin(still: boolean): Promise<void> {
  ({ session, end } = await compose(source, { cells: 'points' }, still));
}

beforeEach(() => {
  frames = [];
  standInBrowser(frames);
  source = new Held({ heads: [2, 2], tokens: 20, checkpoints: 4 });
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const here = () => session.matrix.pair?.to.heads.map((points) => points !== null);
const late = () => [...(session.matrix.pair?.late ?? [])];
const slow = ({ projection }: PointsQuery) => projection.method === 'tsne';

it('fills a slow projection head by head, each one’s biplot marked as such meanwhile', async () => {
  await begin(true);
  expect(here()).toEqual([true, true, true, true]);
  source.holds = slow;
  session.axes.project({ method: 'tsne' });
  await pass(200);
  expect(here()).toEqual([true, true, true, true]);
  expect(late()).toEqual([0, 1, 2, 3].map((head) => [head, 'biplot']));
  await source.letGo(({ layer, head }) => layer === 1 && head === 0);
  expect(late()).toEqual([0, 1, 3].map((head) => [head, 'biplot']));
  expect(session.matrix.settled).toBe(false);
  source.holds = () => false;
  await source.letGo();
  await pass();
  expect(late()).toEqual([]);
  expect(session.matrix.settled).toBe(true);
});

it('lays nothing under a slow projection that stands in for the second one’s', async () => {
  await begin(true);
  session.playback.go(3);
  session.against.choose('synthetic', 0);
  await pass();
  const { against } = session;
  const under = () => against.underMatrix?.to.heads.map((points) => points !== null);
  expect(under()).toEqual([true, true, true, true]);
  session.focus.open({ layer: 1, head: 0 });
  await pass();
  expect(against.underHead?.to.heads[0]).toBeTruthy();
  source.holds = slow;
  session.axes.project({ method: 'tsne' });
  await pass(200);
  await source.letGo(({ step, layer, head }) => step === 600 || (layer === 0 && head === 1));
  expect(under()).toEqual([false, true, false, false]);
  expect([...(against.matrix.pair?.late.keys() ?? [])]).toEqual([0, 2, 3]); // seen, and marked, side by side
  expect(against.underHead?.to.heads[0] ?? null).toBeNull();
  await source.letGo();
  await pass();
  await source.letGo();
  expect(under()).toEqual([true, true, true, true]);
});

it('keeps each head’s old picture, marked with its step, until its own has come', async () => {
  await begin(true);
  session.axes.project({ method: 'tsne' });
  await pass(200);
  const old = session.matrix.pair!.to.heads;
  source.holds = slow;
  session.axes.frame = session.playback.steps[0] ?? 0; // other axes: nothing of them is here
  await pass(200);
  expect(session.matrix.pair!.to.heads).toEqual(old);
  expect(late()).toEqual([0, 1, 2, 3].map((head) => [head, 600]));
  await source.letGo(({ layer, head }) => layer === 0 && head === 1);
  expect(late().map(([head]) => head)).toEqual([0, 2, 3]);
  expect(session.matrix.pair!.to.heads[1]).not.toBe(old[1]);
});

it('says nothing of how hits lie in what stands in for a head', async () => {
  await begin(true);
  session.search.text = 'the';
  const known = () =>
    Array.from(session.search.clustering.score?.values ?? [], (value) => !Number.isNaN(value));
  await pass(200);
  expect(known()).toEqual([true, true, true, true]);
  source.holds = slow;
  session.axes.project({ method: 'tsne' });
  await pass(200);
  await source.letGo(({ layer, head }) => layer === 1 && head === 0);
  await pass(200);
  expect(known()).toEqual([false, false, true, false]);
});

it('stops with what is there, and goes on', async () => {
  await begin(true);
  source.holds = slow;
  session.axes.project({ method: 'tsne' });
  await pass(200);
  await source.letGo(({ layer, head }) => layer === 0 && head === 0);
  session.axes.stopped = true;
  await pass();
  expect(source.waiting.every(({ signal }) => signal?.aborted)).toBe(true);
  expect(session.matrix.settled).toBe(true);
  expect(here()).toEqual([true, false, false, false]);
  source.holds = () => false;
  session.axes.stopped = false;
  await pass(200);
  expect(here()).toEqual([true, true, true, true]);
});

it('lets go of heads that nobody looks at when the projection changes', async () => {
  await begin(true);
  source.holds = slow;
  session.axes.project({ method: 'tsne' });
  await pass(200);
  session.axes.project({ method: 'biplot' });
  await pass();
  expect(source.waiting.every(({ signal }) => signal?.aborted)).toBe(true);
  expect(here()).toEqual([true, true, true, true]);
});

it('shows preliminary axes until the full frame is fitted, and turns into it', async () => {
  source.holds = ({ fit, projection }) => projection.method === 'biplot' && fit === undefined;
  await begin(false);
  expect(session.matrix.pair?.asked.preliminary).toBe(true);
  expect(here()).toEqual([true, true, true, true]);
  const before = session.matrix.pair!.to;
  source.holds = () => false;
  await source.letGo();
  expect(session.matrix.morph.active).toBe(true);
  expect(session.matrix.pair!.from).toBe(before);
  for (let now = 0; frames.length > 0; now += 100) {
    for (const frame of frames.splice(0)) frame(now);
    await pass();
  }
  expect(session.matrix.morph.active).toBe(false);
  expect(session.matrix.pair!.from).toBe(session.matrix.pair!.to);
  expect(session.matrix.pair?.asked.preliminary).toBe(false);
  expect(session.matrix.settled).toBe(true);
});

it('projects marked points alone, and asks for no trust of them', async () => {
  await begin(true);
  session.focus.open({ layer: 0, head: 1 });
  await pass(200);
  expect(session.trust.answer.value?.false_neighbours.length).toBe(
    session.data.run!.queries + session.data.run!.keys,
  );
  session.marks.mark([5, 2, 5]);
  expect(session.marks.group?.points).toEqual([2, 5]);
  session.marks.alone = true;
  await pass(200);
  const points = session.headView.pair!.to.heads[0]!;
  const seen = [...points].flatMap((x, i) => (Number.isNaN(x) || i % 2 ? [] : [i / 2]));
  expect(seen).toEqual([2, 5]);
  expect(session.trust.answer.value).toBeNull();
  session.back();
  await pass(200);
  expect([session.marks.alone, session.marks.group?.points]).toEqual([false, [2, 5]]);
  expect(session.trust.answer.value).not.toBeNull();
  session.back();
  expect([session.marks.group, session.focus.opened]).toEqual([null, { layer: 0, head: 1 }]);
});

it('colours by errors only while a head is opened', async () => {
  await begin(true);
  session.focus.open({ layer: 0, head: 1 });
  session.scatter.colouring = 'tears';
  await pass(200);
  expect(session.trust.errors?.length).toBe(session.data.run!.queries + session.data.run!.keys);
  expect([session.styles.ofOpened?.values.length, session.styles.ofHeads]).toEqual([
    2 * session.trust.errors!.length,
    null,
  ]);
  session.close();
  await pass();
  expect([session.scatter.colouring, session.trust.errors, session.styles.ofOpened]).toEqual([
    'kind',
    null,
    null,
  ]);
});

it('is ready once what trails come through is here too, and waits for no step that may come next', async () => {
  source.holds = ({ step }) => step === 0;
  await begin(true);
  session.focus.open({ layer: 0, head: 1 });
  await pass(200);
  expect([session.playback.from, source.waiting.length > 0, session.ready]).toEqual([3, true, true]);
  session.marks.mark([2]);
  session.trails.length = 3;
  await pass(200);
  expect(session.ready).toBe(false);
  source.holds = () => false;
  await source.letGo();
  await pass(200);
  expect(session.ready).toBe(true);
});

it('asks for the points of pinned heads alone while cells are too small for any', async () => {
  await begin(true);
  const asked: PointsQuery[] = [];
  source.holds = (query) => {
    asked.push(query);
    return false;
  };
  session.matrixView.camera = { scale: 2, x: 0, y: 0 };
  await pass(200);
  expect([session.matrixView.tiled, session.matrix.pair]).toEqual([true, null]);
  session.axes.frame = session.playback.steps[0] ?? 0; // other axes: nothing of them is here
  asked.length = 0;
  session.arrangement.pins = [{ layer: 1, head: 0 }];
  await pass(200);
  expect(here()).toEqual([false, false, true, false]);
  expect(new Set(asked.map(({ layer }) => layer))).toEqual(new Set([1]));
  expect([late(), session.matrix.stale, session.ready]).toEqual([[], false, true]);
  session.matrixView.camera = { scale: 200, x: 0, y: 0 }; // zoomed in
  await pass(200);
  expect(here()).toEqual([true, true, true, true]);
});
