import type { Comparison } from '../compare/compare.svelte';
import type { HeadScore } from '../health/scores';
import type { Grid } from '../render/layout';
import type { RunState } from '../run/run_state.svelte';
import type { Arrangement } from './arrangement.svelte';
import type { CellMaps } from './cell_maps.svelte';

interface Needs {
  readonly data: Pick<RunState, 'layers'>;
  readonly grid: Pick<Grid, 'columns'>;
  readonly scores: readonly Pick<HeadScore, 'id' | 'title'>[];
  readonly arrangement: Pick<Arrangement, 'by'> & { readonly grid: Pick<Grid, 'shown' | 'total'> };
  readonly against: Pick<Comparison, 'run'>;
  readonly cellMaps: Pick<CellMaps, 'cells'>;
}

/** What a screen reader hears of a matrix: "Attention heads: 4 layers × 6 heads, step 100, mean attention by position".
 * @param mapped whether its cells show maps
 * @param second whether it is the second one of two that are compared */
export function nameOfMatrix(session: Needs, mapped: boolean, second: boolean, step: number | null): string {
  const { arrangement, against, cellMaps } = session;
  const { shown, total } = arrangement.grid;
  const few = shown < total ? `, ${shown} of ${total} shown` : '';
  const title = session.scores.find(({ id }) => id === arrangement.by)?.title ?? arrangement.by;
  const by = arrangement.by === 'together' ? 'likeness to each other' : title.toLowerCase();
  const heads =
    arrangement.by === 'layer'
      ? `${session.data.layers.length} layers × ${session.grid.columns} heads`
      : `${total} heads by ${by}`;
  const of = second ? `Second matrix, ${against.run?.run ?? ''}` : 'Attention heads';
  const maps = cellMaps.cells === 'offsets' ? 'attention by distance' : 'mean attention by position';
  return `${of}: ${heads}${few}, step ${step ?? '–'}${mapped ? `, ${maps}` : ''}`;
}
