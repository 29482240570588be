import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { PointsQuery } from '../run/pictures';
import type { Runs } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';

const OTHER = 'lower-learning-rate';

/** Checkpoints at 0, 200, … 1000; those of the second run are others. */
class Two extends SyntheticSource {
  readonly put: PointsQuery[] = [];
  /** Names of the runs that are gone. */
  gone: readonly string[] = [];

  override async runs(): Promise<Runs> {
    const { runs } = await super.runs();
    const here = runs.filter(({ run }) => !this.gone.includes(run));
    return { runs: here.map((run) => (run.run === OTHER ? { ...run, steps: [0, 300, 390, 800] } : run)) };
  }

  override points(query: PointsQuery, waiting = {}) {
    this.put.push(query);
    return super.points(query, waiting);
  }
}

const others = () => source.put.filter(({ inFrameOf }) => inFrameOf !== undefined);

let source: Two;
let session: Session;
let end: () => void;

async function begin(says: Record<string, string | number> = {}): Promise<void> {
  ({ session, end } = await compose(source, { run: 'synthetic', cells: 'points', ...says }));
}

beforeEach(() => {
  standInBrowser();
  source = new Two({ heads: [2], tokens: 20, checkpoints: 6 });
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('draws the other run in the frame of the shown one, at its nearest checkpoint', async () => {
  await begin();
  session.playback.go(2); // step 400
  session.against.choose(OTHER, 'same');
  await pass();
  expect(session.against.step).toBe(390);
  expect(others().at(-1)).toMatchObject({ run: OTHER, step: 390, frame: 1000, inFrameOf: 'synthetic' });
  expect(session.against.underMatrix?.from.heads.every(Boolean)).toBe(true);
  session.playback.go(5);
  await pass();
  expect(session.against.step).toBe(800); // its newest is the nearest
});

it('rests on checkpoints, and goes from one to the other with the hand', async () => {
  await begin();
  session.against.choose(OTHER, 'same');
  session.playback.go(1.5); // 300 is nearest to 200, 390 to 400
  await pass();
  const { against } = session;
  expect([against.steps[against.from], against.steps[against.to], against.mix]).toEqual([300, 390, 0.5]);
});

it('lays an onion skin of its own run without asking for another frame', async () => {
  await begin();
  session.against.pin(200);
  await pass();
  expect(others()).toEqual([]);
  expect(session.against.own).toBe(true);
  expect(session.against.underMatrix?.from.id).toContain('|200|');
  expect(session.link).toMatchObject({ against: 'synthetic', against_step: '200', way: 'overlay' });
  session.against.pin(200);
  expect(session.against.run).toBeNull();
});

it('takes what a link says, and forgets it with the run', async () => {
  await begin({ against: OTHER, against_step: 'newest', way: 'difference', trail: 'all' });
  expect(session.against.step).toBe(800);
  expect(session.against.difference?.values.length).toBe(2);
  expect(session.against.underMatrix).toBeNull();
  expect(others()).toEqual([]); // nothing of it is drawn in the matrix
  expect(session.trails.length).toBe('all');
  session.chooseRun(OTHER);
  await pass();
  expect(session.against.run).toBeNull();
});

it('is sorted and filtered by its difference, which goes on to colour the cells', async () => {
  await begin({ against: OTHER, against_step: 'newest', way: 'difference', tint: 'entropy' });
  const { scoring, arrangement, against, health } = session;
  expect(against.score?.title).toBe('Difference of entropy');
  for (const id of ['difference', 'change', 'layer']) {
    arrangement.arrange(id, true);
    scoring.tintBy(id);
  }
  arrangement.keep({ score: 'difference', least: 0, most: null });
  scoring.tintBy('difference');
  await pass();
  expect([health.tint, against.sentence, against.difference?.name]).toEqual(['entropy', null, 'entropy']);
  expect(scoring.all.map(({ id }) => id)).toContain('difference');
  expect(scoring.tints.map(({ id }) => id)).not.toContain('difference');
  scoring.tintBy('max_logit');
  expect(against.difference?.name).toBe('max_logit');
  against.clear();
  scoring.tintBy('change');
  expect(health.tint).toBe('change');
});

it('trails come through the last checkpoints, once something is selected', async () => {
  await begin({ trail: 3, step: 800, frame: 1000 });
  expect(session.trails.wanted).toEqual([]);
  session.marks.mark([0, 1]);
  await pass();
  await pass();
  expect(session.trails.wanted).toEqual([3, 2, 1]);
  const { grid, matrix, styles } = session;
  const drawn = () => session.trails.of(matrix, grid.rects, Uint32Array.of(1), styles.shared);
  expect(drawn()).toMatchObject({ perLine: 5, perHead: 2 }); // three before, and both ends of the mix
  session.trails.next();
  expect(session.trails.length).toBe(8);
  expect(session.trails.wanted).toEqual([3, 2, 1, 0]);
  session.trails.length = 0;
  expect(drawn()).toBeNull();
});

it('stays with a run that is gone, as it was shown last, until it is back', async () => {
  await begin({ layer: 0, head: 1 });
  for (const gone of [['synthetic', OTHER, 'recorded/by-a-newer-version'], ['synthetic']]) {
    source.gone = gone;
    await session.refreshRuns();
    await pass();
    expect([session.data.name, session.data.gone]).toEqual(['synthetic', true]);
    expect([session.focus.opened, session.matrix.pair === null]).toEqual([{ layer: 0, head: 1 }, false]);
  }
  source.gone = [];
  await session.refreshRuns();
  await pass();
  expect([session.data.name, session.data.gone]).toEqual(['synthetic', false]);
  expect(session.focus.opened).toEqual({ layer: 0, head: 1 });
});

it('keeps what a link asks for of a run that never was', async () => {
  await begin({ run: 'renamed', layer: 0, head: 1 });
  expect(session.data.name).toBe('synthetic');
  expect(session.focus.opened).toEqual({ layer: 0, head: 1 });
});

it('keeps the opened head in another run that has it, and what is chosen of colours and projections', async () => {
  await begin({ layer: 0, head: 1, tint: 'entropy', projection: 'pca' });
  session.focus.selection = { sequence: 0, list: 0, token: 3, side: 'query' };
  session.chooseRun(OTHER);
  await pass();
  expect([session.data.run?.run, session.focus.opened]).toEqual([OTHER, { layer: 0, head: 1 }]);
  expect([session.health.tint, session.axes.projection.method]).toEqual(['entropy', 'pca']);
  expect(session.focus.selection).toBeNull();
  session.focus.open({ layer: 9, head: 0 });
  session.chooseRun('synthetic');
  await pass();
  expect(session.focus.opened).toBeNull();
});
