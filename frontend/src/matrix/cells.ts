import type { Comparison } from '../compare/compare.svelte';
import type { PointStyles } from '../encoding/point_styles.svelte';
import { formatDifference } from '../health/difference';
import { formatFigure } from '../health/figures';
import type { HeadNames } from '../health/head_names.svelte';
import { valueAt } from '../health/health';
import type { HeadScore } from '../health/scores';
import type { HeadNotes } from '../notes/head_notes.svelte';
import { type Grid, headNumber } from '../render/layout';
import { FLAT } from '../render/orbit';
import type { Picture } from '../render/picture';
import type { Theme } from '../render/theme.svelte';
import type { HeadPlace } from '../run/head';
import { headTitle } from '../run/labels';
import type { RunState } from '../run/run_state.svelte';
import type { Run } from '../run/types';
import type { Arrangement } from './arrangement.svelte';
import type { Scoring } from './scoring.svelte';

/** A cell that is in view: the head that it is of, and where it lies in world units. */
export interface Cell extends HeadPlace {
  readonly number: number;
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Css pixels of a cell's side from which on it shows more than points. */
export const ROOM_FOR_TRAILS = 40;
export const ROOM_FOR_VALUE = 58;
export const ROOM_FOR_CURVE = 100;
export const ROOM_FOR_LABELS = 200;
export const ROOM_FOR_NAME = 170;
export const ROOM_FOR_AXES = 300;
/** Height of a cell's caption, in css pixels, and of its curve, as a share of the side and at most. */
export const CAPTION = 18;
/** The same above a map, which words never cover: of a cell that has room for values, and of a smaller one for a name, or for
 * what its head is. */
const STRIP = 16;
const SMALL_STRIP = 12;
export const ROOM_FOR_SMALL_STRIP = 34;
export const CURVE = 0.16;
export const CURVE_MOST = 44;

/** What tells the figure that tints a head. */
interface Tinted {
  readonly scoring: Pick<Scoring, 'tint'>;
  readonly against: Pick<Comparison, 'difference' | 'series' | 'step'>;
}

/** The same, the head's name and what sorts it. */
export interface Told extends Tinted {
  readonly data: Pick<RunState, 'layers'>;
  readonly grid: Grid;
  readonly scores: readonly HeadScore[];
  readonly arrangement: Pick<Arrangement, 'told'>;
  readonly names: Pick<HeadNames, 'of'>;
  readonly notes: Pick<HeadNotes, 'at' | 'caption'>;
}

/** How points look. */
export interface Inked {
  readonly styles: Pick<PointStyles, 'shared' | 'selecting'>;
  readonly theme: Pick<Theme, 'palette'>;
}

/** Css pixels above the map of a cell that are left to words. */
export function stripOf(side: number): number {
  if (side >= ROOM_FOR_VALUE) return STRIP;
  return side >= ROOM_FOR_SMALL_STRIP ? SMALL_STRIP : 0;
}

/** The cells of these heads.
 * @param rects where all cells lie, see `Grid` */
export function cellsAt(
  places: readonly HeadPlace[],
  numbers: Iterable<number>,
  rects: Float32Array,
): Cell[] {
  return Array.from(numbers, (number) => {
    const [x = 0, y = 0, side = 0] = rects.subarray(4 * number, 4 * number + 3);
    const { layer, head } = places[number] ?? { layer: 0, head: 0 };
    return { number, layer, head, x, y, side };
  });
}

/** What all pictures of cells have in common. */
export function inCells({ styles, theme }: Inked, { queries, keys }: Run) {
  const { surface, border, accent } = theme.palette;
  return {
    queries,
    keys,
    dims: 2,
    rotation: FLAT,
    styles: styles.shared,
    selecting: styles.selecting,
    surface,
    border,
    accent,
  } satisfies Partial<Picture>;
}

/** What the tint says of a head, in figures.
 * @param second whether of the second one of two that are compared */
export function reading({ against, scoring }: Tinted, number: number, second = false): string {
  const { difference, series, step } = against;
  if (difference) return formatDifference(difference, difference.values[number] ?? Number.NaN);
  if (second) return series && step !== null ? formatFigure(series.name, valueAt(series, step, number)) : '';
  return scoring.tint ? formatFigure(scoring.tint.id, scoring.tint.values[number] ?? Number.NaN) : '';
}

/** The figures that sort or filter the heads, where the tint tells another one. */
export function arranging({ scores, scoring, arrangement }: Told): readonly HeadScore[] {
  const tinted = scoring.tint?.id;
  return arrangement.told.flatMap((id) =>
    id === tinted || id === 'difference' ? [] : (scores.find((score) => score.id === id) ?? []),
  );
}

/** What a screen reader hears, and the tooltip says, of a head. */
export function headline(session: Told, place: HeadPlace, second = false): string {
  const { grid } = session;
  const { layers } = session.data;
  const { tint } = session.scoring;
  const number = headNumber(grid, place);
  const told = tint ? [`${tint.title} ${reading(session, number, second)}`] : [];
  for (const { id, title, values } of second ? [] : arranging(session))
    told.push(`${title} ${formatFigure(id, values[number] ?? Number.NaN)}`);
  const note = session.notes.at(place);
  const own = [`${note?.star ? '★ ' : ''}${note?.name ?? ''}`.trim(), note?.text ?? ''].filter(Boolean);
  return [headTitle(layers, place), ...own, ...told].join(' · ');
}
