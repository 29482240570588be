import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FigureQuery } from '../run/pictures';
import type { AttentionQuery, ChangeQuery, KnownHealth, MapsQuery, SimilarityQuery } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';

type Route = 'points' | 'pointFigures' | 'maps' | 'change' | 'similarity';

/** A training that was resumed so many times, and has each time written all its steps again; another one never was. */
class Resumed extends SyntheticSource {
  starts = 1;
  words: 'first' | 'other' = 'first';
  /** Whether nothing is answered about attention. */
  silent = false;
  readonly heard: [Route, number][] = [];

  override async runs() {
    const { runs } = await super.runs();
    return { runs: runs.map((run) => ({ ...run, order: [this.startsOf(run.run), 9], probe: this.words })) };
  }

  override async probe(run: string) {
    const probe = await super.probe(run);
    if (this.words === 'first') return probe;
    return {
      ...probe,
      sequences: probe.sequences.map((each) => ({ ...each, tokens: each.tokens.map(() => 'x') })),
    };
  }

  override attention(query: AttentionQuery) {
    return this.silent ? new Promise<never>(() => {}) : super.attention(query);
  }

  override async healthSteps(run: string, known: KnownHealth | null) {
    const whole = await super.healthSteps(run, null);
    const digest = `written by ${this.startsOf(run)}`;
    if (known?.known !== digest) return { ...whole, digest };
    return { ...whole, digest, from: known.from, steps: whole.steps.slice(known.from) };
  }

  override points(...[query, waiting]: Parameters<SyntheticSource['points']>) {
    this.hear('points', query);
    return super.points(query, waiting);
  }

  override pointFigures(query: FigureQuery) {
    this.hear('pointFigures', query);
    return super.pointFigures(query);
  }

  override maps(query: MapsQuery) {
    this.hear('maps', query);
    return super.maps(query);
  }

  override change(query: ChangeQuery) {
    this.hear('change', query);
    return super.change(query);
  }

  override similarity(query: SimilarityQuery) {
    this.hear('similarity', query);
    return super.similarity(query);
  }

  private startsOf(run: string): number {
    return run === 'synthetic' ? this.starts : 1;
  }

  private hear(route: Route, { run, step }: { readonly run: string; readonly step: number }): void {
    if (run === 'synthetic') this.heard.push([route, step]);
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

it('is gone from what is read and from what stands beside it, before the new one is here', async () => {
  session.sentence.pins.add({ step: 0 });
  await settle();
  const told = () =>
    [session.sentence.shown, ...session.sentence.panels].map(({ weights }) => weights !== null);
  expect(told()).not.toContain(false);
  source.starts = 2;
  source.silent = true;
  await session.refreshRuns();
  await settle();
  expect(told()).not.toContain(true);
  expect(session.sentence.waits).toMatch(/^Attention of L0 H1 at step \d+ is on its way$/);
});

it('is forgotten of a run that was written again while another one was shown', async () => {
  await look(1);
  source.routes(200);
  session.chooseRun('lower-learning-rate');
  await settle();
  source.starts = 2;
  await session.refreshRuns();
  session.chooseRun('synthetic');
  await settle();
  await look(1);
  expect(source.routes(200)).toEqual(ALL);
});

it('has other tokens where it was begun again with another probe, and nothing that was read of the first ones', async () => {
  await look(1);
  source.routes(200);
  const before = session.headView.pair?.to;
  source.words = 'other';
  await session.refreshRuns();
  await settle();
  expect(session.focus.selection).toBeNull();
  expect(session.headView.pair?.to).not.toBe(before);
  expect(new Set(session.data.probe.value?.sequences.flatMap(({ tokens }) => tokens))).toEqual(
    new Set(['x']),
  );
  expect([session.focus.opened, session.playback.step]).toEqual([{ layer: 0, head: 1 }, 400]);
  await look(1);
  expect(source.routes(200)).toEqual(expect.arrayContaining(['points', 'maps']));
});
