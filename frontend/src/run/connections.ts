/** Which heads feed which: the JSON of the route `connections` (docs/http_api.md). */

import type { HeadPlace } from './head';

/** What a contribution goes through: the queries of the head that is fed, or its keys. */
export type Way = 'queries' | 'keys';

/** One head that another one is fed by, or feeds, over all steps at which that was recorded. */
export interface HeadLink extends HeadPlace {
  readonly by: Way;
  /** In logits a query; null where it is not known. */
  readonly contributions: readonly (number | null)[];
  /** Of all that is contributed to the head that is fed, in this way. */
  readonly shares: readonly (number | null)[];
  /** The first step from which on it was at least half of this; null where it is hardly anything. */
  readonly since: readonly (number | null)[];
}

/** One head's links, the strongest first. */
export interface HeadConnections extends HeadPlace {
  readonly run: string;
  /** Empty where a run recorded none. */
  readonly steps: readonly number[];
  readonly fed_by: readonly HeadLink[];
  readonly feeds: readonly HeadLink[];
}

export interface ConnectionsQuery extends HeadPlace {
  readonly run: string;
}
