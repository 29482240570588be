import { share, sharesBetween } from '../health/health';
import { scaleOf } from './scores';
import type { Session } from './session.svelte';
import type { ShownSteps } from './shown.svelte';

/** How far each head's value is along the scale of the figure that tints the cells, mixed as the points are. [heads] */
export function tintShares({ series, tintScore, tintScale, grid }: Session, shown: ShownSteps): Float64Array {
  const { pair, mix } = shown;
  if (series && pair) return sharesBetween(series, pair.fromStep, pair.toStep, mix);
  if (!series && tintScore && tintScale) return tintScore.values.map((value) => share(tintScale, value));
  return new Float64Array(grid.total).fill(Number.NaN);
}

/** The same of the figure that draws the borders; null where none does. */
export function borderShares(session: Session, shown: ShownSteps): Float64Array | null {
  const { border } = session.arrangement;
  const { pair, mix } = shown;
  if (border === null) return null;
  const series = session.health?.get(border);
  if (series && pair) return sharesBetween(series, pair.fromStep, pair.toStep, mix);
  const values = session.scores.find(({ id }) => id === border)?.values;
  if (!values) return null;
  const scale = scaleOf(values);
  return values.map((value) => share(scale, value));
}
