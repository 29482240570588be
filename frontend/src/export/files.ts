import { writeNpy } from '../base/npy';
import { stepName } from '../base/numbers';
import type { RunHealth } from '../health/run_health.svelte';
import type { Playback } from '../playback/playback.svelte';
import type { Attention } from '../reading/asked_attention.svelte';
import type { Sentence } from '../reading/sentence.svelte';
import { type Grid, headNumber, headPlace } from '../render/layout';
import { headsOf } from '../render/positions';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import type { PointsQuery } from '../run/pictures';
import type { TokenIndex } from '../run/places';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import { type PointLoader, placed } from '../shown/point_loader';
import { questionsAt } from '../shown/questions';
import type { ShownSteps } from '../shown/shown.svelte';
import { nameOf } from './caption';
import { pngOf, svgOf } from './image';
import { fileName, headName } from './names';
import { type Pictured, printed, sheetOf } from './sheet';
import {
  attentionCsv,
  type Bytes,
  type HeadAttention,
  type HeadPoints,
  healthCsv,
  healthNpy,
  pointsCsv,
  pointsNpy,
} from './tables';
import type { ExportView } from './views.svelte';

/** What can be exported of what is shown. */

export interface ExportedFile {
  readonly name: string;
  readonly content: Blob;
}

export type Format = 'csv' | 'npy';

/** What numbers are taken of. */
export interface ExportSource {
  readonly data: {
    readonly run: Run | null;
    readonly probe: { readonly value: TokenIndex | null };
    readonly source: Pick<DataSource, 'points' | 'attention'>;
  };
  readonly grid: Grid;
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
  readonly axes: Pick<Axes, 'projection' | 'dims' | 'frame'>;
  readonly playback: Pick<Playback, 'steps' | 'index' | 'step'>;
  readonly health: Pick<RunHealth, 'figures'> & { readonly held: Pick<RunHealth['held'], 'table'> };
  readonly loader: Pick<PointLoader, 'points'>;
  readonly headView: Pick<ShownSteps, 'queries'>;
  readonly sentence: Pick<Sentence, 'weighing' | 'sequence' | 'rawOf'> & {
    readonly attention: { readonly value: Attention | null };
    readonly pins: Pick<Sentence['pins'], 'held'>;
  };
}

/** Numbers that are behind a view. */
export interface Numbers {
  readonly title: string;
  /** @param onDone hears which share of what it needs is here */
  take(format: Format, onDone: (share: number) => void, signal: AbortSignal): Promise<ExportedFile>;
}

export async function exportPicture(
  view: ExportView,
  session: Pictured,
  as: 'svg' | 'png',
  ratio: number,
): Promise<ExportedFile> {
  const name = nameOf(view.kind, session, as);
  const content = await printed(session, () => {
    const sheet = sheetOf(view, session);
    return as === 'svg' ? new Blob([svgOf(sheet)], { type: 'image/svg+xml' }) : pngOf(sheet, ratio);
  });
  return { name, content };
}

/** The numbers behind what is on screen. */
export function numbersOf(session: ExportSource): readonly Numbers[] {
  const { playback } = session;
  const { opened, selection } = session.focus;
  const { figures: health } = session.health;
  const { run } = session.data;
  const { step } = playback;
  if (!run || step === null) return [];
  const at = stepName(step);
  const head = opened ? headName(run, opened).replace('H', ' H') : '';
  return [
    ...(opened
      ? [
          { title: `Points of ${head}, ${at}`, take: takeHead(session, [playback.index]) },
          ...(playback.steps.length > 1
            ? [{ title: `Points of ${head}, all steps`, take: takeHead(session, null) }]
            : []),
        ]
      : []),
    { title: `Points of all heads, ${at}`, take: takeMatrix(session) },
    ...(opened && selection && session.sentence.attention.value
      ? [{ title: `${weightsOf(session)} of ${head}, ${at}`, take: takeAttention(session) }]
      : []),
    ...(health && health.size > 0
      ? [{ title: 'Health, all heads and steps', take: takeHealth(session) }]
      : []),
  ];
}

/** @param indices checkpoints; null: all */
function takeHead(session: ExportSource, indices: readonly number[] | null): Numbers['take'] {
  return async (format, onDone, signal) => {
    const { playback, headView } = session;
    const { run } = session.data;
    const { opened } = session.focus;
    const { dims, projection } = session.axes;
    const tokens = session.data.probe.value;
    const when = indices ? `step${playback.step ?? 0}` : 'all-steps';
    if (!run || !opened || !tokens) throw new Error('No head is open: open one, and take its points again.');
    const chosen = indices ?? playback.steps.map((_, i) => i);
    const queries = headView.queries(chosen);
    const all = await fetched(session, queries, onDone, signal);
    const heads: HeadPoints[] = queries.map((query, i) => {
      const points = all[i];
      const whole =
        query.head === undefined && points
          ? headsOf(points, run.layers[opened.layer]?.heads ?? 1)[opened.head]
          : points;
      return { ...opened, step: query.step, points: whole ?? null };
    });
    const count = run.queries + run.keys;
    const name = fileName(run.run, [headName(run, opened), when, projection.method], format);
    return format === 'csv'
      ? csv(name, pointsCsv(heads, dims, run, tokens))
      : npy(name, pointsNpy(heads, dims, count, indices ? [] : [heads.length]));
  };
}

/** Of all heads, whatever their cells show. */
function takeMatrix(session: ExportSource): Numbers['take'] {
  return async (format, onDone, signal) => {
    const { grid, playback } = session;
    const { run } = session.data;
    const { projection, frame } = session.axes;
    const tokens = session.data.probe.value;
    if (!run || !tokens || playback.step === null || frame === null)
      throw new Error('Nothing is shown yet: wait for the first step.');
    const { step } = playback;
    const places = Array.from({ length: grid.total }, (_, number) => headPlace(grid, number));
    const asked = questionsAt(
      {
        run,
        steps: playback.steps,
        projection,
        frame,
        inFrameOf: null,
        wish: { heads: places, dims: 2, alone: null },
      },
      playback.index,
    );
    const all = await fetched(
      session,
      asked.map(({ query }) => query),
      onDone,
      signal,
    );
    const heads: HeadPoints[] = places.map((place) => ({ ...place, step, points: null }));
    asked.forEach(({ query, numbers }, i) => {
      const points = all[i] ?? null;
      for (const number of numbers) {
        const place = headPlace(grid, number);
        const own =
          query.head === undefined && points
            ? (headsOf(points, grid.heads[query.layer] ?? 1)[place.head] ?? null)
            : points;
        heads[headNumber(grid, place)] = { ...place, step, points: own };
      }
    });
    const name = fileName(run.run, ['heads', `step${step}`, projection.method], format);
    return format === 'csv'
      ? csv(name, pointsCsv(heads, 2, run, tokens))
      : npy(name, pointsNpy(heads, 2, run.queries + run.keys, [heads.length]));
  };
}

/** What weights of attention are. */
function weightsOf({ sentence }: ExportSource): string {
  return sentence.weighing.weight ? 'Weighted attention' : 'Attention';
}

/** What is compared is in the table too; the array is of what is shown. */
function takeAttention(session: ExportSource): Numbers['take'] {
  return async (format) => {
    const { playback, sentence } = session;
    const { run } = session.data;
    const { opened } = session.focus;
    const { attention, weighing } = session.sentence;
    const { step } = playback;
    const isHere = sentence.pins.held.every(({ weights }) => weights !== null);
    if (!run || !opened || !attention.value || step === null || (format === 'csv' && !isHere))
      throw new Error(
        'The attention, or what it is compared with, is still on its way: wait a moment, and take it again.',
      );
    const sequence = sentence.sequence ?? 0;
    const called = weightsOf(session).toLowerCase();
    const of = sequence === 'mean' ? sequence : `sequence${sequence}`;
    const parts = [headName(run, opened), `step${step}`, of, called.replace(' ', '-')];
    const name = fileName(run.run, parts, format);
    // Looked up before anything is waited for: something else may be read meanwhile.
    const all = [{ place: { ...opened, step }, weights: attention.value }, ...sentence.pins.held].flatMap(
      ({ place, weights: held }) => {
        if (!held) return [];
        const { query, key } = sentence.rawOf(place.layer);
        return [{ place, held, queries: query, keys: key }];
      },
    );
    /** The whole matrix, also where one row of it is enough to be shown. */
    const whole = async (place: HeadPlace & { readonly step: number }, held: Attention) =>
      held.of === null
        ? held
        : session.data.source.attention({ run: run.run, ...place, sequence, ...weighing });
    if (format === 'npy') return npy(name, writeNpy(await whole({ ...opened, step }, attention.value)));
    const rows = all.map(
      async ({ place, held, queries, keys }): Promise<HeadAttention> => ({
        ...place,
        ...{ queries, keys, sequence: String(sequence) },
        weights: (await whole(place, held)).data,
      }),
    );
    return csv(name, attentionCsv(await Promise.all(rows), run.layers, called.replace(' ', '_')));
  };
}

function takeHealth(session: ExportSource): Numbers['take'] {
  return async (format, onDone, signal) => {
    const { grid } = session;
    const { run } = session.data;
    const health = await session.health.held.table(onDone, signal);
    if (!health)
      throw new Error('The health figures are still on their way: wait a moment, and take them again.');
    const name = fileName(run?.run ?? '.', ['health'], format);
    const layers = run?.layers ?? [];
    return format === 'csv'
      ? csv(name, healthCsv(health, grid, layers))
      : npy(name, healthNpy(health, grid, layers));
  };
}

/** The points of every query: those that are here, then the others one after the other. */
async function fetched(
  session: ExportSource,
  queries: readonly PointsQuery[],
  onDone: (share: number) => void,
  signal: AbortSignal,
): Promise<(Float32Array | null)[]> {
  const all: (Float32Array | null)[] = [];
  for (const query of queries) {
    all.push(
      session.loader.points(query) ?? placed(await session.data.source.points(query, { signal }), query),
    );
    onDone(all.length / queries.length);
  }
  return all;
}

function csv(name: string, text: string): ExportedFile {
  return { name, content: new Blob([text], { type: 'text/csv;charset=utf-8' }) };
}

function npy(name: string, bytes: Bytes): ExportedFile {
  return { name, content: new Blob([bytes], { type: 'application/octet-stream' }) };
}
