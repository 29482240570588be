import { trailsArrived } from './fetching';
import type { Session } from './session.svelte';

/** Whether everything that was asked for is here and drawn, and nothing moves. */
export function isReady(session: Session): boolean {
  const { connection, features, drawing } = session;
  const { runs, run } = session.data;
  if (!runs.value) return runs.error !== null || connection.lost;
  if (!run || run.error !== null) return true;
  return features.every(({ busy }) => !busy) && drawing === 0 && trailsArrived(session);
}
