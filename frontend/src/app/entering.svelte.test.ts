import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Run } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { compose, linkOf, pass, standInBrowser } from './composed.fixture.svelte';
import { goTo } from './entering';
import type { Session } from './session.svelte';

const OTHER = 'lower-learning-rate';
const READING = { layer: 0, head: 1, sequence: 0, token: 2 };

/** Answers nothing about the second run. */
class Silent extends SyntheticSource {
  override probe(run: string) {
    return run === OTHER ? new Promise<never>(() => {}) : super.probe(run);
  }
}

let session: Session;
let end: () => void;

beforeEach(async () => {
  standInBrowser();
  ({ session, end } = await compose(new Silent({ heads: [2], tokens: 20, checkpoints: 6 }), READING));
  for (let i = 0; i < 3; i++) await pass(200);
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('clears the last run’s probe, trust, attention, figures and alerts when another one is entered', async () => {
  const known = () => [
    session.data.probe,
    session.trust.answer,
    session.sentence.attention,
    session.health.held.index,
    session.health.alerts,
    session.steering.tags,
  ];
  expect(known().every(({ value }) => value !== null)).toBe(true);
  session.marks.mark([1]);
  session.filter.showSequences([0]);
  session.arrangement.pin({ layer: 0, head: 0 });
  session.playback.loopOver(1, 3);
  session.scoring.change.since = 200;
  session.data.name = OTHER;
  vi.spyOn(session.data.source, 'healthSteps').mockReturnValue(new Promise(() => {}));
  vi.spyOn(session.data.source, 'alerts').mockReturnValue(new Promise(() => {}));
  vi.spyOn(session.data.source, 'scalarTags').mockReturnValue(new Promise(() => {}));
  await pass();
  expect(session.entered).toBe(OTHER);
  expect(known().map(({ value }) => value)).toEqual(known().map(() => null));
  expect([session.marks.group, session.filter.sequences, session.arrangement.pins]).toEqual([null, null, []]);
  expect([session.playback.loop, session.scoring.change.since]).toEqual([null, 'previous']);
});

it('reads figures and alerts again whenever there are others, without a checkpoint', async () => {
  const { source } = session.data;
  const [runs, alerts] = [await source.runs(), vi.spyOn(source, 'alerts')];
  const figures = vi.spyOn(source, 'healthSteps');
  const asked = async (health: string) => {
    alerts.mockClear();
    figures.mockClear();
    const listed = runs.runs.map((run) => (run.run === 'synthetic' ? { ...run, health } : run));
    vi.spyOn(source, 'runs').mockResolvedValue({ runs: listed });
    await session.refreshRuns();
    await pass();
    return [alerts.mock.calls.length, figures.mock.calls.length];
  };
  expect(await asked('first')).toEqual([1, 1]);
  expect(await asked('first')).toEqual([0, 0]);
  expect(await asked('second')).toEqual([1, 1]);
  expect(session.live.on).toBe(false); // no checkpoint came
});

it('is ready when every feature is, and not before', async () => {
  expect(session.ready).toBe(true);
  for (const feature of session.features.filter((each) => 'busy' in each)) {
    const busy = vi.spyOn(feature, 'busy', 'get').mockReturnValue(true);
    session.drawing++; // what it reads has changed
    session.drawing--;
    expect(session.ready).toBe(false);
    busy.mockRestore();
    session.drawing++;
    session.drawing--;
  }
});

it('shows in the run that there is what a link asks of one that is gone', async () => {
  goTo(session, linkOf({ run: 'gone', layer: 0, head: 0, projection: 'pca', find: 'the' }));
  await pass();
  expect(session.data.run).toBeNull();
  await session.refreshRuns();
  await pass();
  expect(session.data.name).toBe('synthetic');
  expect([session.focus.opened, session.axes.projection.method, session.search.text]).toEqual([
    { layer: 0, head: 0 },
    'pca',
    'the',
  ]);
  expect(session.missed?.run).toBe('gone');
});

it('gives no head of another run the name that a link gives to one of its own', async () => {
  const said = { layer: 0, head: 0, notes: '0-0*~mine' };
  goTo(session, linkOf({ run: 'gone', ...said }));
  await session.refreshRuns();
  await pass();
  expect([session.data.name, session.notes.all.size]).toEqual(['synthetic', 0]);
  goTo(session, linkOf({ run: 'synthetic', ...said }));
  await pass();
  expect(session.notes.at({ layer: 0, head: 0 })?.name).toBe('mine');
});

it('goes to a link’s run, and to its step, when a server that was just started has read them', async () => {
  const { source } = session.data;
  const { runs } = await source.runs();
  const lists = async (listed: readonly Run[]) => {
    vi.spyOn(source, 'runs').mockResolvedValue({ runs: listed });
    await session.refreshRuns();
    await pass();
  };
  const early = { ...runs[0]!, run: 'early', steps: runs[0]!.steps.slice(0, 3) };
  goTo(session, linkOf({ run: 'early', step: 600 }));
  await lists(runs);
  expect([session.data.name, session.missed?.run]).toEqual(['synthetic', 'early']);
  await lists([...runs, early]);
  expect([session.data.name, session.playback.step, session.missed?.run]).toEqual(['early', 400, null]);
  await lists([...runs, { ...early, steps: runs[0]!.steps.slice(0, 5), order: [1, 5] }]);
  expect([session.playback.step, session.playback.following, session.missed]).toEqual([600, false, null]);
});

it('leaves who went on by hand where they are, whatever comes of a link', async () => {
  const { source } = session.data;
  const { runs } = await source.runs();
  goTo(session, linkOf({ run: 'late', step: 600 }));
  await session.refreshRuns();
  await pass();
  session.chooseRun(OTHER);
  vi.spyOn(source, 'runs').mockResolvedValue({ runs: [...runs, { ...runs[0]!, run: 'late' }] });
  await session.refreshRuns();
  await pass();
  expect([session.data.name, session.missed]).toEqual([OTHER, null]);
});
