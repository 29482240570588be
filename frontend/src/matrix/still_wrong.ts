import { standingAt } from '../health/standing';
import type { Alert, NamedHead, RunEvent } from '../run/findings';

/** What is known of a run at a checkpoint. */
interface Known {
  readonly alerts: readonly Alert[];
  /** In the order of the steps. */
  readonly events: readonly RunEvent[];
  /** As they are at the checkpoint. */
  readonly heads: readonly Pick<NamedHead, 'unhealthy'>[];
}

/** Whether something is wrong with a head that is not over: at a checkpoint, or at the newest one. */
export function stillWrong(
  { alerts, events, heads }: Known,
  steps: readonly number[],
  index: number,
): boolean {
  const broken = [index, steps.length - 1].some((at) => standingAt(alerts, steps, at).length > 0);
  return broken || heads.some(({ unhealthy }) => unhealthy !== null) || lasts(events);
}

/** Whether a head is dead, collapsed or the like to the end. */
function lasts(events: readonly RunEvent[]): boolean {
  const open = new Set<string>();
  for (const { what, kind, layer, head } of events) {
    if (kind === null) continue;
    if (what === 'alert') open.add(`${layer} ${head} ${kind}`);
    else if (what === 'cleared') open.delete(`${layer} ${head} ${kind}`);
  }
  return open.size > 0;
}
