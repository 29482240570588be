import { expect, it } from 'vitest';
import { DEFAULT_PROJECTION } from '../run/projection';
import type { DataSource } from '../run/source';
import type { Connection } from './connection.svelte';
import { HttpSource } from './http';
import { lastingSource } from './lasting';

const { signal } = new AbortController();
const head = { run: 'a', step: 0, layer: 0, head: 0 };
const points = { ...head, projection: DEFAULT_PROJECTION, dims: 2 as const, frame: 0 };
const rows = { run: 'a', known: '', rows: 1, from: 0, to: 1 };
const waiting = { signal, priority: () => 'now' as never };

/** Every question, and whether it is about a run. */
const ASKED: {
  [Q in keyof Required<Omit<DataSource, 'offers'>>]: [(of: DataSource) => unknown, string | null];
} = {
  runs: [(of) => of.runs(signal), null],
  probe: [(of) => of.probe('a', signal), 'a'],
  healthSteps: [(of) => of.healthSteps('a', null, signal), 'a'],
  healthRows: [(of) => of.healthRows(rows, signal), 'a'],
  healthFigure: [(of) => of.healthFigure({ ...rows, figure: 'sink', every: 1 }, signal), 'a'],
  healthRange: [(of) => of.healthRange({ ...rows, every: 1 }, signal), 'a'],
  alerts: [(of) => of.alerts('a', signal), 'a'],
  findings: [(of) => of.findings({ run: 'a' } as never, waiting), 'a'],
  evidence: [(of) => of.evidence({ ...head } as never, waiting), 'a'],
  connections: [(of) => of.connections(head, signal), 'a'],
  labelAttention: [(of) => of.labelAttention({ ...head } as never, signal), 'a'],
  changePoints: [(of) => of.changePoints({ run: 'a', figure: 'sink' }, signal), 'a'],
  points: [(of) => of.points(points, waiting), 'a'],
  trust: [(of) => of.trust(points as never, signal), 'a'],
  attention: [(of) => of.attention({ ...head, sequence: 0 }, signal), 'a'],
  imageSummary: [(of) => of.imageSummary({ ...head, sequence: 0 } as never, signal), 'a'],
  image: [(of) => of.image('a', 0, 'tokens', signal), 'a'],
  pointFigures: [(of) => of.pointFigures({ run: 'a', step: 0, layer: 0, figure: 'norm' }, signal), 'a'],
  maps: [(of) => of.maps({ run: 'a' } as never, waiting), 'a'],
  change: [(of) => of.change({ run: 'a' } as never, waiting), 'a'],
  similarity: [(of) => of.similarity({ run: 'a' } as never, waiting), 'a'],
  headOrder: [(of) => of.headOrder({ run: 'a' } as never, waiting), 'a'],
  scalarTags: [(of) => of.scalarTags('a', signal), null],
  scalars: [(of) => of.scalars('a', 'loss', signal), null],
};

it.each(Object.entries(ASKED))(
  '%s waits for its run, as long as somebody is interested',
  (name, [ask, run]) => {
    const heard: unknown[] = [];
    const connection = { ask: (...told: unknown[]) => heard.push(told[0], told[2]) } as unknown as Connection;
    expect(Object.hasOwn(HttpSource.prototype, name)).toBe(true);
    ask(lastingSource(new HttpSource(new URL('http://localhost/')), connection));
    expect(heard).toEqual([run, signal]);
  },
);

it('passes on what is asked, and on whom', async () => {
  const source = { said: 'loss', scalarTags: async (run: string) => [run, source.said] };
  const connection = { ask: (_: unknown, work: () => unknown) => work() } as Connection;
  const lasting = lastingSource(source as unknown as DataSource, connection);
  expect(await lasting.scalarTags('a')).toEqual(['a', 'loss']);
  expect(lasting.offers).toBeUndefined();
});
