import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Points, PointsQuery } from '../run/pictures';
import type { Waiting } from '../run/source';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';

const OTHER = 'lower-learning-rate';

/** Checkpoints at 0, 200, … 600, of which the points of some come when the test lets them. */
class Held extends SyntheticSource {
  holds: (query: PointsQuery) => boolean = () => false;
  private waiting: (() => void)[] = [];

  override async points(query: PointsQuery, waiting: Waiting = {}): Promise<Points> {
    if (this.holds(query)) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return super.points(query, waiting);
  }

  async letGo(): Promise<void> {
    this.holds = () => false;
    for (const resolve of this.waiting.splice(0)) resolve();
    await pass();
  }
}

let source: Held;
let session: Session;
let end: () => void;
let frames: FrameRequestCallback[];
let now: number;

/** Frames of 50 ms, and what follows from each. */
async function play(seconds: number): Promise<void> {
  for (let left = 20 * seconds; left > 0; left--) {
    now += 50;
    for (const frame of frames.splice(0)) frame(now);
    await pass();
  }
}

beforeEach(() => {
  frames = [];
  now = 0;
  standInBrowser(frames);
  source = new Held({ heads: [2], tokens: 20, checkpoints: 4 });
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('waits for the points of the next step, and plays on when they are here', async () => {
  source.holds = ({ step }) => step === 400;
  ({ session, end } = await compose(source, { step: 0, cells: 'points' }, false));
  session.playback.toggle();
  await play(3);
  expect([session.playback.place, session.playback.playing]).toEqual([1, true]);
  await source.letGo();
  await play(3);
  expect([session.playback.step, session.playback.playing]).toEqual([600, false]);
});

it('waits for the points of the run that is compared', async () => {
  source.holds = ({ run, step }) => run === OTHER && step === 400;
  ({ session, end } = await compose(source, { step: 0, run: 'synthetic', against: OTHER }, false));
  expect(session.against.drawn).toBe(true);
  session.playback.toggle();
  await play(3);
  expect([session.playback.place, session.playback.playing]).toEqual([1, true]);
  await source.letGo();
  await play(3);
  expect([session.playback.step, session.against.step]).toEqual([600, 600]);
});

it('asks for no frame while nothing moves', async () => {
  ({ session, end } = await compose(source, { step: 0 }, false));
  await play(0.1);
  expect(frames).toEqual([]);
});
