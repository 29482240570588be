import { untrack } from 'svelte';
import type { Run } from '../api/types';
import { extendHealth } from '../health/health';
import { indexTokens } from '../probe/places';
import { patience } from './patience';
import { enterSentence } from './sentence_place';
import type { Session } from './session.svelte';

/** A run was chosen: everything that belongs to the last one goes. */
export function enterRun(session: Session): void {
  const { run, playback, source } = session;
  if (!run || run.run === session.entered) return;
  const first = session.entered === null;
  session.entered = run.run;
  session.seen = '';
  session.frame = null;
  session.mark(null);
  session.figures.clear();
  session.alerts.clear();
  session.steering.clear();
  session.trust.clear();
  session.attention.clear();
  session.probe.clear();
  if (run.error !== null) return;
  void session.probe.load(async (signal) => indexTokens(await source.probe(run.run, signal)));
  playback.following = true;
  playback.setSteps(run.steps);
  if (first) enterPlace(session, run);
}

/** What the link asked for, as far as this run has it. */
function enterPlace(session: Session, run: Run): void {
  const { step, frame, layer, head, sequence, token } = session.start;
  if (step !== undefined && run.steps.includes(step)) session.playback.go(run.steps.indexOf(step));
  if (frame !== undefined && run.steps.includes(frame)) session.frame = frame;
  if (layer !== undefined && head !== undefined && head < (run.layers[layer]?.heads ?? 0)) {
    session.opened = { layer, head };
  }
  enterSentence(session.start, session.sentence, run);
  if (sequence !== undefined && token !== undefined && sequence < run.sequences) {
    const side = token.endsWith('k') ? 'key' : 'query';
    session.selection = { sequence, token: Number.parseInt(token, 10), side };
  }
}

/** New checkpoints: the timeline grows, the figures are read again, and the frame moves only if asked to. */
export function followSteps(session: Session): void {
  const { run, playback, source, figures, alerts } = session;
  if (!run || run.error !== null) return;
  const steps = run.steps.join();
  if (steps === session.seen) return;
  if (session.seen !== '') {
    const now = Date.now();
    session.patience = patience(now - untrack(() => session.grownAt));
    session.grownAt = now;
    playback.setSteps(run.steps);
  }
  session.seen = steps;
  const newest = run.steps.at(-1) ?? null;
  if (session.frame === null || session.refitLive || !run.steps.includes(session.frame))
    session.frame = newest;
  const known = untrack(() => figures.value);
  void figures.load((signal) => extendHealth(source, run.run, known, signal));
  void alerts.load(async (signal) => (await source.alerts(run.run, signal)).alerts);
}
