import type { Wanted } from '../shown/point_loader';
import type { ShownSteps } from '../shown/shown.svelte';
import type { Session } from './session.svelte';

/** What is asked for, and in which order: what is looked at, then the rest of the matrix, then what may come next. */

/** Checkpoints fetched ahead: while playing in its direction, else on both sides of the hand. Slow ones take the
 * computer's time, so that only the nearest are. */
const AHEAD = 3;
const AHEAD_SLOW = 1;

export function fetchPoints(session: Session): void {
  const { playback, matrix, headView, against, loader } = session;
  const { from, to } = playback;
  const now = [...new Set([from, to])];
  const soon = playback.target === null ? [] : [playback.target];
  const second = [...new Set([...against.matrix.ends, ...against.upcoming(soon)])];
  const { past, later } = aroundTheHand(session);

  const wanted: Wanted[] = [
    ...preliminary(headView),
    ...preliminary(matrix),
    ...preliminary(against.headView),
    ...preliminary(against.matrix),
    ...headView.queries(now),
    ...heads(session, matrix, [...now, ...soon], true),
    ...against.headView.queries(second),
    ...heads(session, against.matrix, second, true),
    ...headView.queries(soon),
    ...heads(session, matrix, [...now, ...soon], false),
    ...heads(session, against.matrix, second, false),
  ];
  if (matrix.arrived(now)) {
    wanted.push(...headView.queries([...past, ...later]).map(ahead));
    wanted.push(...heads(session, matrix, [...past, ...later], true).map(ahead));
    if (playback.playing) wanted.push(...against.matrix.queries(against.upcoming(later)).map(ahead));
  }
  loader.want(wanted);
}

/** Whether all is here that trails come through, as far as there is room for it. */
export function trailsArrived(session: Session): boolean {
  const { past } = aroundTheHand(session);
  return session.matrix.arrived(past) && session.headView.arrived(past);
}

/** Checkpoints beside those that are shown: behind the hand, for trails, and those that may come next. */
function aroundTheHand(session: Session): Record<'past' | 'later', readonly number[]> {
  const { playback, against, trails, loader } = session;
  const { from, to } = playback;
  const points = (session.data.run?.queries ?? 0) + (session.data.run?.keys ?? 0);
  const room = loader.room(
    session.grid.total * points * 2 * Float32Array.BYTES_PER_ELEMENT * (against.run ? 2 : 1),
  );
  const ahead = session.axes.slow ? AHEAD_SLOW : AHEAD;
  const around = Array.from({ length: ahead }, (_, i) => [to + 1 + i, from - 1 - i]).flat();
  const later = (playback.playing ? playback.upcoming(ahead) : around).slice(0, room);
  return { past: trails.wanted.slice(0, room - later.length), later };
}

/** What is to be seen until what was asked for is here. */
function preliminary(scene: ShownSteps): Wanted[] {
  return [...scene.preliminaryQueries(), ...scene.standInQueries()];
}

function ahead(query: Wanted): Wanted {
  return { ...query, priority: 2 };
}

/** The matrix's queries: those of heads in view, or the others. Layers come whole, and so does what is not slow. */
function heads(
  { inView, axes: { slow, stopped } }: Session,
  scene: ShownSteps,
  indices: readonly number[],
  seen: boolean,
): Wanted[] {
  if (!slow) return seen ? scene.queries(indices) : [];
  if (stopped) return [];
  const numbers = new Set(inView);
  return indices.flatMap((index) =>
    scene
      .questions(index)
      .filter(({ numbers: [number] }) => numbers.has(number ?? -1) === seen)
      .map(({ query }) => (seen ? query : { ...query, priority: 1 })),
  );
}
