import { headsOf } from '../render/positions';
import type { HeadPlace } from '../run/head';
import type { PointsQuery } from '../run/pictures';
import type { Layer } from '../run/types';
import { isBlank } from './blank';
import type { PointLoader } from './point_loader';
import type { ShownSteps } from './shown.svelte';

/** Where answers, and what was said of them, are. */
interface Answers {
  readonly loader: Pick<PointLoader, 'points' | 'notesOf' | 'error'>;
  readonly data: { readonly layers: readonly Pick<Layer, 'heads'>[] };
}

interface Needs extends Answers {
  readonly matrix: Pick<ShownSteps, 'questions'>;
  readonly headView: Pick<ShownSteps, 'questions'>;
  readonly playback: { readonly index: number };
  readonly focus: { isOpened(place: HeadPlace): boolean };
}

/** Why a head has no (full) picture at the shown step, or why it will not come; null where all is well. */
export function noteOf(session: Needs, place: HeadPlace): string | null {
  const { matrix, headView, playback } = session;
  const scenes = session.focus.isOpened(place) ? [headView, matrix] : [matrix];
  for (const { query } of scenes.flatMap((scene) => scene.questions(playback.index))) {
    if (query.layer !== place.layer || (query.head ?? place.head) !== place.head) continue;
    const note = noteOn(session, query, place.head);
    if (note !== null) return note;
  }
  return null;
}

/** The same, of one of the queries for that head. */
export function noteOn(
  { loader, data: { layers } }: Answers,
  query: PointsQuery,
  head: number,
): string | null {
  const said = loader.notesOf(query)?.get(head);
  if (said !== undefined) return said;
  const all = loader.points(query);
  if (all === null) return query.head === undefined ? null : loader.error(query);
  const heads = query.head === undefined ? headsOf(all, layers[query.layer]?.heads ?? 1) : [all];
  const points = heads[query.head === undefined ? head : 0];
  return points && isBlank(points)
    ? 'No picture: queries or keys are not finite at this step, or were not recorded.'
    : null;
}
