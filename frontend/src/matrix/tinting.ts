import type { Comparison } from '../compare/compare.svelte';
import { share, sharesBetween } from '../health/health';
import type { RunHealth } from '../health/run_health.svelte';
import { type HeadScore, scaleOf } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import { borderCells } from '../render/borders';
import { tintCells } from '../render/colours';
import { divergingTints } from '../render/diverging';
import type { Grid } from '../render/layout';
import type { Theme } from '../render/theme.svelte';
import type { Pair } from '../shown/pair';
import type { Arrangement } from './arrangement.svelte';
import type { CellMaps } from './cell_maps.svelte';
import type { Scoring } from './scoring.svelte';

/** The steps that are mixed. */
interface Mixed {
  readonly pair: Pick<Pair, 'fromStep' | 'toStep'> | null;
  readonly mix: number;
}

interface Mixing {
  readonly playback: Pick<Playback, 'steps' | 'from' | 'to' | 'between'>;
  readonly cellMaps: Pick<CellMaps, 'pair' | 'mix'>;
}

/** What tells the colour of a cell. */
export interface Tinting {
  readonly grid: Grid;
  readonly theme: Pick<Theme, 'palette' | 'dark'>;
  readonly health: Pick<RunHealth, 'figures' | 'series'>;
  readonly scoring: Pick<Scoring, 'tint' | 'scale'>;
  readonly scores: readonly HeadScore[];
  readonly against: Pick<Comparison, 'difference' | 'series' | 'step'>;
  readonly arrangement: Pick<Arrangement, 'border'>;
}

/** The steps that are mixed, of points or of maps; of tiles, which wait for neither, those of the timeline. */
export function mixedSteps(
  { playback, cellMaps }: Mixing,
  shown: Mixed,
  { tiled, mapped }: { readonly tiled: boolean; readonly mapped: boolean },
): Mixed {
  const { steps, from, to, between } = playback;
  if (tiled) return { pair: { fromStep: steps[from] ?? 0, toStep: steps[to] ?? 0 }, mix: between.mix };
  return mapped && cellMaps.pair ? cellMaps : shown;
}

/** The cells' backgrounds, [heads, 4]: what one of two is more than the other, or the figure that tints them.
 * @param second whether of the second one of two that are compared */
export function cellTints(session: Tinting, shown: Mixed, second: boolean): Uint8Array {
  const { difference } = session.against;
  const { palette, dark } = session.theme;
  return difference
    ? divergingTints(palette, dark, difference.values, difference.most)
    : tintCells(palette, tintShares(session, shown, second));
}

/** The cells' borders, [heads, 4]; null where none tells a figure. */
export function cellBorders(session: Tinting, shown: Mixed): Uint8Array | null {
  const shares = borderShares(session, shown);
  return shares && borderCells(session.theme.palette, shares);
}

/** How far each head's value is along the scale of the figure that tints the cells, mixed as the points are. [heads]
 * @param second whether of the second one of two that are compared */
function tintShares(session: Tinting, shown: Mixed, second: boolean): Float64Array {
  const { scoring, grid, against } = session;
  const { tint, scale } = scoring;
  const { pair, mix } = shown;
  if (second) {
    const { series, step } = against;
    if (!series) return new Float64Array(grid.total).fill(Number.NaN);
    return sharesBetween(series, pair?.fromStep ?? step ?? 0, pair?.toStep ?? step ?? 0, pair ? mix : 0);
  }
  const { series } = session.health;
  if (series && pair) return sharesBetween(series, pair.fromStep, pair.toStep, mix);
  if (!series && tint && scale) return tint.values.map((value) => share(scale, value));
  return new Float64Array(grid.total).fill(Number.NaN);
}

/** The same of the figure that draws the borders; null where none does. */
function borderShares(session: Tinting, shown: Mixed): Float64Array | null {
  const { border } = session.arrangement;
  const { pair, mix } = shown;
  if (border === null) return null;
  const series = session.health.figures?.get(border);
  if (series && pair) return sharesBetween(series, pair.fromStep, pair.toStep, mix);
  const values = session.scores.find(({ id }) => id === border)?.values;
  if (!values) return null;
  const scale = scaleOf(values);
  return values.map((value) => share(scale, value));
}
