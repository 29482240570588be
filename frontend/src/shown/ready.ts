import type { Playback } from '../playback/playback.svelte';
import type { Focus } from '../run/focus.svelte';
import type { PointsQuery } from '../run/pictures';
import { isSlow } from '../run/projection';
import type { Axes } from './axes.svelte';
import type { PointLoader } from './point_loader';
import type { Question } from './questions';
import type { ShownSteps } from './shown.svelte';

/** What is here of what was asked for, and what was stopped. */
export interface Awaited {
  readonly loader: PointLoader;
  readonly focus: Pick<Focus, 'opened'>;
  readonly axes: Pick<Axes, 'stopped'>;
}

interface Needs extends Awaited {
  readonly matrix: Pick<ShownSteps, 'questions'>;
  /** The second one of two that are compared. */
  readonly against: { questions(step: number | undefined): readonly Question[] };
  readonly playback: Pick<Playback, 'steps' | 'playing'>;
  readonly axes: Pick<Axes, 'slow' | 'stopped'>;
  /** Numbers of the heads that are looked at. */
  readonly inView: Iterable<number>;
}

/** Whether nothing more is awaited of a query: it is here, has failed, or was stopped. */
export function settled(
  { loader, focus: { opened }, axes: { stopped } }: Awaited,
  query: PointsQuery,
): boolean {
  if (loader.settled(query)) return true;
  if (!stopped || !isSlow(query.projection)) return false;
  return query.layer !== opened?.layer || query.head !== opened.head;
}

/** Whether Play may go on to a checkpoint, or the hand glide to it. Slow heads come when they come: only Play waits
 * for them, and only for those in view. */
export function canShow(session: Needs, index: number): boolean {
  const { matrix, against, playback, inView } = session;
  const { slow } = session.axes;
  if (slow && !playback.playing) return true;
  const seen = new Set(inView);
  return [...matrix.questions(index), ...against.questions(playback.steps[index])]
    .filter(({ numbers }) => !slow || numbers.some((number) => seen.has(number)))
    .every(({ query }) => settled(session, query));
}
