import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FigureQuery } from '../run/pictures';
import type { ChangeQuery, KnownHealth, MapsQuery, SimilarityQuery } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';

type Route = 'points' | 'pointFigures' | 'maps' | 'change' | 'similarity';

/** A training that was resumed so many times, and has each time written all its steps again. */
class Resumed extends SyntheticSource {
  starts = 1;
  readonly heard: [Route, number][] = [];

  override async runs() {
    const { runs } = await super.runs();
    return { runs: runs.map((run) => ({ ...run, order: [this.starts, 9] })) };
  }

  override async healthSteps(run: string, known: KnownHealth | null) {
    const whole = await super.healthSteps(run, null);
    const digest = `written by ${this.starts}`;
    if (known?.known !== digest) return { ...whole, digest };
    return { ...whole, digest, from: known.from, steps: whole.steps.slice(known.from) };
  }

  override points(...[query, waiting]: Parameters<SyntheticSource['points']>) {
    this.heard.push(['points', query.step]);
    return super.points(query, waiting);
  }

  override pointFigures(query: FigureQuery) {
    this.heard.push(['pointFigures', query.step]);
    return super.pointFigures(query);
  }

  override maps(query: MapsQuery) {
    this.heard.push(['maps', query.step]);
    return super.maps(query);
  }

  override change(query: ChangeQuery) {
    this.heard.push(['change', query.step]);
    return super.change(query);
  }

  override similarity(query: SimilarityQuery) {
    this.heard.push(['similarity', query.step]);
    return super.similarity(query);
  }

  /** What was asked for a step since this was asked last. */
  routes(step: number): readonly Route[] {
    return [...new Set(this.heard.splice(0).flatMap(([route, of]) => (of === step ? [route] : [])))].sort();
  }
}

const ALL: readonly Route[] = ['change', 'maps', 'pointFigures', 'points', 'similarity'];
let source: Resumed;
let session: Session;
let end: () => void;

beforeEach(async () => {
  standInBrowser();
  source = new Resumed({ heads: [2], tokens: 20, checkpoints: 3 });
  ({ session, end } = await compose(source, { layer: 0, head: 1, sequence: 0, token: 2, color: 'norm' }));
  session.scatter.sized = true;
  await settle();
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function settle() {
  for (let i = 0; i < 4; i++) await pass(200);
}

/** Shows first the one score of all heads, then the other. */
async function look(index: number) {
  session.playback.go(index);
  for (const score of ['change', 'likeness']) {
    session.health.tint = score;
    await settle();
  }
}

it('is asked for anew, and shown nothing of meanwhile, where a resumed training wrote the same steps again', async () => {
  await look(1);
  await look(2);
  expect(source.routes(200)).toEqual(ALL);
  await look(1);
  expect(source.routes(200)).toEqual([]); // it was kept
  const before = [session.headView.pair?.to.heads[0], session.cellMaps.pair?.to];
  source.starts = 2;
  await session.refreshRuns();
  await settle();
  await look(1);
  expect(source.routes(200)).toEqual(ALL);
  const after = [session.headView.pair?.to.heads[0], session.cellMaps.pair?.to];
  expect(after.map((picture, i) => picture !== undefined && picture !== before[i])).toEqual([true, true]);
});
