import { placeOfCompare } from '../compare/compare_place';
import { placeOfScatter } from '../encoding/scatter_place';
import { placeOfFind } from '../find/find_place';
import { placeOfHeadView } from '../head/head_place';
import { placeOfImageView } from '../image/image_place';
import { placeOfMatrix } from '../matrix/matrix_place';
import { placeOfSentence } from '../reading/sentence_place';
import { listName } from '../run/lists';
import { placeOfTimeline } from '../timeline/timeline_place';
import { NO_TINT } from './entering';
import type { Session } from './session.svelte';
import type { Place } from './url';

/** What a link to this view says; null while nothing is shown. The newest step goes unsaid while the views follow
 * it, so that a link to a running training opens at its newest step. */
export function placeOf(session: Session): Place | null {
  const { playback } = session;
  const { run } = session.data;
  const { opened, selection } = session.focus;
  const { frame } = session.axes;
  if (!run || run.error !== null || playback.step === null || frame === null) return null;
  const pinned = !playback.following && !playback.playing;
  return {
    run: run.run,
    ...(pinned && { step: playback.step }),
    ...(session.axes.refitLive ? { refit: 'live' } : (pinned || frame !== session.axes.newest) && { frame }),
    ...opened,
    projection: session.axes.projection,
    ...(session.axes.dims !== 2 && { dims: session.axes.dims }),
    // What was given with the probe is not known before it is here.
    colour: session.data.probe.value ? session.colourings.chosen.id : session.scatter.colouring,
    ...placeOfScatter(session.scatter),
    tint: session.health.tint ?? NO_TINT,
    ...placeOfTimeline(playback, session.steering),
    ...placeOfFind(session),
    ...placeOfCompare(session.against, session.trails),
    ...placeOfMatrix(session),
    ...placeOfHeadView(session),
    ...(selection && {
      ...placeOfSentence(session.sentence),
      ...placeOfImageView(session.imageView),
      sequence: selection.sequence,
      token: `${selection.token}${selection.side === 'key' ? 'k' : ''}`,
      ...(selection.list > 0 && { list: listName(session.data.lists[selection.list]) }),
    }),
  };
}
