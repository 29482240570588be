import { headsOf } from '../render/positions';
import type { HeadPlace } from '../run/head';
import type { PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION } from '../run/projection';
import type { Run } from '../run/types';
import type { Heads } from './pair';
import type { PointLoader } from './point_loader';

/** Biplots are made at once: they are seen in place of slow pictures that are still to come, dimmed and under their own name. */

/** With more heads than these, nothing stands in: each head that comes would send all of them to the GPU anew. */
export const MOST_STAND_INS = 512;

/** The biplots of whole layers with a head that is waited for; none before the server has said that it takes a while.
 * @param asked of one head each */
export function standInQueries(
  asked: readonly PointsQuery[],
  loader: Pick<PointLoader, 'progressOf' | 'settled'>,
): PointsQuery[] {
  if (!asked.some((query) => loader.progressOf(query) !== null)) return [];
  const layers = new Map(
    asked.filter((query) => !loader.settled(query)).map((query) => [query.layer, query]),
  );
  return [...layers.values()].map(({ head: _, ...query }) => ({ ...query, projection: DEFAULT_PROJECTION }));
}

/** What is here of them, head by head. */
export function standIns(
  queries: readonly PointsQuery[],
  heads: readonly HeadPlace[],
  run: Run,
  loader: Pick<PointLoader, 'points'>,
): Heads {
  const found = new Map(
    queries.flatMap((query) => {
      const points = loader.points(query);
      return points ? [[query.layer, headsOf(points, run.layers[query.layer]?.heads ?? 1)] as const] : [];
    }),
  );
  return heads.map(({ layer, head }) => found.get(layer)?.[head] ?? null);
}
