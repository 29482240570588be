import type { Session } from '../app/session.svelte';
import { isSlow } from '../run/projection';
import type { PointsQuery } from '../run/types';

/** Whether nothing more is awaited of a query: it is here, has failed, or was stopped. */
export function settled(
  { loader, focus: { opened }, axes: { stopped } }: Session,
  query: PointsQuery,
): boolean {
  if (loader.arrivals >= 0 && loader.settled(query)) return true;
  if (!stopped || !isSlow(query.projection)) return false;
  return query.layer !== opened?.layer || query.head !== opened.head;
}

/** Whether Play may go on to a checkpoint, or the hand glide to it. Slow heads come when they come: only Play waits
 * for them, and only for those in view. */
export function reaches(session: Session, index: number): boolean {
  const { matrix, against, playback, inView } = session;
  const { slow } = session.axes;
  if (!slow) return matrix.arrived([index]) && against.reaches(playback.steps[index]);
  if (!playback.playing) return true;
  const asked = matrix.queries([index]);
  return [...inView].every((number) => {
    const query = asked[number];
    return query === undefined || settled(session, query);
  });
}
