import { untrack } from 'svelte';
import { enterCompare } from '../compare/compare_place';
import { isError } from '../encoding/colouring';
import { enterScatter } from '../encoding/scatter_place';
import { enterFind } from '../find/find_place';
import { enterHeadView } from '../head/head_place';
import { extendHealth } from '../health/health';
import { enterImageView } from '../image/image_place';
import { enterMatrix, enterPins } from '../matrix/matrix_place';
import { enterSentence } from '../reading/sentence_place';
import { listName, runLists } from '../run/lists';
import { indexTokens } from '../run/places';
import { addressKey, type Projection } from '../run/projection';
import type { Offers } from '../run/source';
import type { Run } from '../run/types';
import { enterTimeline } from '../timeline/timeline_place';
import type { Session } from './session.svelte';
import type { Place } from './url';

/** The health figure that says most at a glance, and the link's word for none. */
const FIRST_TINT = 'entropy';
export const NO_TINT = 'none';

/** Goes where a link says, at the start and whenever the address changes: what needs no run at once, the rest as soon
 * as its run is entered. What a link leaves unsaid is as in a fresh tab. */
export function goTo(session: Session, place: Place): void {
  const { offers } = session.data.source;
  session.axes.projection = offered(offers, place.projection);
  session.axes.stopped = false;
  session.axes.dims =
    place.dims !== undefined && offers?.dims.includes(place.dims) !== false ? place.dims : 2;
  const colour = place.colour ?? 'kind';
  session.scatter.colouring = isError(colour) && place.head === undefined ? 'kind' : colour;
  session.health.tint = place.tint === NO_TINT ? null : (place.tint ?? FIRST_TINT);
  session.axes.refitLive = place.refit === 'live';
  enterTimeline(place, session.playback, session.steering);
  enterHeadView(place, session);
  enterScatter(place, session.scatter);
  enterCompare(place, session.against, session.trails);
  enterMatrix(place, session);
  session.data.name = place.run ?? session.data.name;
  session.wanted = place;
  const { run } = session.data;
  if (run && run.run === session.entered && run.error === null) enterPlace(session, run);
}

/** The projection that is meant, or the first one that there is. */
function offered(offers: Offers | undefined, meant: Projection): Projection {
  const [first = meant] = offers?.projections ?? [];
  const found = offers?.projections.find((one) => addressKey(one) === addressKey(meant));
  return offers ? (found ?? first) : meant;
}

/** A run was chosen: everything that belongs to the last one goes. */
export function enterRun(session: Session): void {
  const { playback } = session;
  const { run, source } = session.data;
  if (!run || run.run === session.entered) return;
  session.entered = run.run;
  session.seen = '';
  session.axes.frame = null;
  session.marks.mark(null);
  session.filter.clear();
  if (session.wanted === null) session.arrangement.clear();
  else session.arrangement.forget();
  session.health.document.clear();
  session.health.alerts.clear();
  session.steering.clear();
  session.trust.answer.clear();
  session.sentence.attention.clear();
  session.data.probe.clear();
  if (run.error !== null) return;
  void session.data.probe.load(async (signal) => indexTokens(await source.probe(run.run, signal), run.lists));
  playback.following = true;
  playback.setSteps(run.steps);
  enterPlace(session, run);
}

/** What the link asked for, as far as this run has it. */
function enterPlace(session: Session, run: Run): void {
  const { wanted, playback } = session;
  if (wanted === null) return;
  session.wanted = null;
  const { step, frame, layer, head, sequence, token, list } = wanted;
  if (step !== undefined && run.steps.includes(step)) playback.go(run.steps.indexOf(step));
  else if (run.steps.length > 0) playback.go(run.steps.length - 1);
  session.axes.frame = frame !== undefined && run.steps.includes(frame) ? frame : (run.steps.at(-1) ?? null);
  if (layer !== undefined && head !== undefined && head < (run.layers[layer]?.heads ?? 0)) {
    session.focus.opened = { layer, head };
  } else {
    session.close();
  }
  enterFind(wanted, session);
  enterSentence(wanted, session.sentence, run);
  enterImageView(wanted, session.imageView);
  enterPins(wanted, session.arrangement, run);
  session.focus.selection = null;
  if (session.focus.opened && sequence !== undefined && token !== undefined && sequence < run.sequences) {
    const side = token.endsWith('k') ? 'key' : 'query';
    const named = runLists(run).findIndex((each) => listName(each) === list);
    session.focus.selection = { sequence, list: Math.max(0, named), token: Number.parseInt(token, 10), side };
  }
}

/** New checkpoints: the timeline grows, the figures are read again, and the frame moves only if asked to. */
export function followSteps(session: Session): void {
  const { playback } = session;
  const { run, source } = session.data;
  const { document: figures, alerts } = session.health;
  if (!run || run.error !== null) return;
  const steps = run.steps.join();
  if (steps === session.seen) return;
  if (session.seen !== '') {
    session.live.grew();
    playback.setSteps(run.steps);
  }
  session.seen = steps;
  const newest = run.steps.at(-1) ?? null;
  if (session.axes.frame === null || session.axes.refitLive || !run.steps.includes(session.axes.frame))
    session.axes.frame = newest;
  const known = untrack(() => figures.value);
  void figures.load((signal) => extendHealth(source, run.run, known, signal));
  void alerts.load(async (signal) => (await source.alerts(run.run, signal)).alerts);
}
