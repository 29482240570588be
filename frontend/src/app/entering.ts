import { untrack } from 'svelte';
import { indexTokens } from '../run/places';
import type { Link, Said } from '../run/setting';
import type { Run } from '../run/types';
import type { Session } from './session.svelte';

/** Milliseconds for which a server that was started a moment ago may still be reading what a link asks for. */
const READING = 60_000;

/** What a link asks for that is not there: its run, in whose stead another one is shown, or a step later than all. */
export interface Missed {
  readonly link: Link;
  /** Null: the run is there. */
  readonly run: string | null;
  readonly since: number;
}

/** Goes where a link says, at the start and whenever the address changes, as soon as its run is entered. What a link leaves
 * unsaid is as in a fresh tab. */
export function goTo(session: Session, link: Link): void {
  session.missed = null;
  session.data.name = link.get('run') ?? session.data.name;
  session.wanted = link;
  const { run } = session.data;
  if (run?.run !== session.entered) session.entered = null;
  else if (run && run.error === null) enterLink(session, run);
}

/** What makes a run the one that it is: begun again with another probe or other layers, another one has its name. */
function identityOf({ run, probe, layers, error }: Run): string {
  return JSON.stringify([run, probe, layers, error !== null]);
}

/** A run was chosen, or the one of this name is another one now: everything that belongs to the last one goes. */
export function enterRun(session: Session): void {
  const { playback, data, features } = session;
  const { run, source } = data;
  if (!run) return;
  const [again, identity] = [run.run === session.entered, identityOf(run)];
  if (again && identity === session.identity) return;
  if (again) untrack(() => session.letGo(run));
  session.entered = run.run;
  session.identity = identity;
  session.seen = '';
  session.seenHealth = '';
  for (const feature of features) feature.leave?.();
  if (run.error !== null) return;
  void data.probe.load(async (signal) => indexTokens(await source.probe(run.run, signal), run.lists));
  playback.following = true;
  playback.setSteps(run.steps);
  enterLink(session, run);
}

/** What the link asked for, as far as this run has it; of another run all but what was said of its heads. */
function enterLink(session: Session, run: Run): void {
  const { wanted, features } = session;
  if (wanted === null) return;
  const asked = wanted.get('run') ?? run.run;
  const [own, later] = [asked === run.run, Number(wanted.get('step')) > (run.steps.at(-1) ?? 0)];
  const link = own ? wanted : new Map([...wanted].filter(([name]) => name !== 'notes'));
  session.wanted = null;
  session.missed = own && !later ? null : { link: wanted, run: own ? null : asked, since: Date.now() };
  for (const feature of features) {
    feature.settings?.enter(link, run);
    feature.enter?.(link, run);
  }
}

/** Goes where a link had led, had all of it been there, if it comes soon and nobody went elsewhere. */
export function catchUp(session: Session): void {
  const { missed, data, playback } = session;
  if (!missed) return;
  const { link, run, since } = missed;
  const found = data.runs.value?.runs.find((one) => one.run === (run ?? data.name));
  if (!found || (run === null && !found.steps.includes(Number(link.get('step'))))) return;
  untrack(() => {
    session.missed = null;
    if (Date.now() - since < READING && (run !== null || playback.following)) goTo(session, link);
  });
}

/** What the address says of this view; null while nothing is shown. The newest step goes unsaid while the views follow it,
 * so that a link to a running training opens at its newest step. */
export function linkOf({ data: { run }, playback, axes, features }: Session): Said | null {
  if (!run || run.error !== null || playback.step === null || axes.frame === null) return null;
  const parts = features.map((feature) => ({ ...feature.settings?.said, ...feature.link }));
  return Object.assign({ run: run.run }, ...parts) as Said;
}

/** Steps were written again: what is kept of them goes, whose names are the run and the step alone. */
export function forgetRewritten(session: Session): void {
  const { health, against } = session;
  if (health.held.rewritten + against.figures.rewritten > 0) untrack(() => forget(session));
}

/** A training went on in a run, shown or not: it may have written any of its steps again. */
export function forgetRestarted(session: Session): void {
  const { data, starts } = session;
  let restarted = false;
  for (const run of data.runs.value?.runs ?? []) {
    const start = `${run.order?.[0]} ${identityOf(run)}`;
    const known = starts.get(run.run);
    starts.set(run.run, start);
    restarted ||= known !== undefined && known !== start;
  }
  if (restarted) untrack(() => forget(session));
}

function forget({ loader, features }: Session): void {
  loader.forget();
  for (const feature of features) feature.forget?.();
}

/** New checkpoints, or steps that were written again: the timeline grows, and the frame moves only if asked to. Figures and alerts are
 * read again whenever there are others: they may come more often. */
export function followSteps(session: Session): void {
  const { playback, axes } = session;
  const { run, source } = session.data;
  if (!run || run.error !== null) return;
  const steps = `${run.steps.join()} ${run.order}`;
  const health = `${steps} ${run.health}`;
  if (health !== session.seenHealth) session.health.update(source, run.run);
  session.seenHealth = health;
  if (steps === session.seen) return;
  if (session.seen !== '') {
    session.live.grew();
    playback.setSteps(run.steps);
  }
  session.seen = steps;
  const newest = run.steps.at(-1) ?? null;
  if (axes.frame === null || axes.refitLive || !run.steps.includes(axes.frame)) axes.frame = newest;
}
