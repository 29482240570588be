import type { HeadConnections, HeadLink, Way } from '../run/connections';
import type { HeadPlace } from '../run/head';

/** One head that feeds the opened one, or is fed by it, at one step. */
export interface Link extends HeadPlace {
  /** Whether it feeds the opened head; else it is fed by it. */
  readonly feeds: boolean;
  readonly by: Way;
  /** In logits a query. */
  readonly contribution: number;
  /** Of all that is contributed to the head that is fed, in this way. */
  readonly share: number;
  readonly since: number;
}

/** What is shown: a contribution that matters, and not one of many. */
export const LEAST_LOGITS = 0.5;
const LEAST_SHARE = 0.1;

/** The last step up to this one at which links were recorded; its place, −1 where there is none. */
export function rowAt(steps: readonly number[], step: number): number {
  return steps.findLastIndex((recorded) => recorded <= step);
}

/** A head's links that matter at one step, the strongest first. */
export function linksAt({ steps, fed_by, feeds }: HeadConnections, step: number): Link[] {
  const row = rowAt(steps, step);
  if (row < 0) return [];
  const found = [
    ...fed_by.flatMap((link) => linkAt(link, row, true)),
    ...feeds.flatMap((link) => linkAt(link, row, false)),
  ];
  return found.sort((a, b) => b.contribution - a.contribution);
}

function linkAt(
  { layer, head, by, contributions, shares, since }: HeadLink,
  row: number,
  feeds: boolean,
): Link[] {
  const [contribution, share, begun] = [contributions[row], shares[row], since[row]];
  if (contribution == null || share == null || begun == null) return [];
  if (contribution < LEAST_LOGITS || share < LEAST_SHARE) return [];
  return [{ layer, head, feeds, by, contribution, share, since: begun }];
}
