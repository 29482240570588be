import { placeOfStep } from '../base/steps';
import type { ToldEvent } from '../health/events';
import type { RunHealth } from '../health/run_health.svelte';
import type { Playback } from '../playback/playback.svelte';
import type { Alert, RunEvent } from '../run/findings';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import type { Layer } from '../run/types';

interface Needs {
  readonly playback: Pick<Playback, 'steps' | 'glideTo'>;
  readonly data: { readonly layers: readonly Pick<Layer, 'heads'>[] };
  readonly focus: Pick<Focus, 'open' | 'selection'>;
  readonly health: Pick<RunHealth, 'asked'>;
}

/** Goes to the checkpoint nearest to where an alert was raised, and opens the head that it is most about, with the figure. */
export function goToAlert(session: Needs, { step, heads, figure }: Alert): void {
  const { playback } = session;
  playback.glideTo(Math.round(placeOfStep(playback.steps, step)));
  open(session, heads[0], figure);
}

/** Goes to the first checkpoint that shows an event, and opens its head. */
export function goToEvent(
  session: Needs,
  { step, layer, head }: Pick<RunEvent, 'step' | 'layer' | 'head'>,
): void {
  const { playback } = session;
  playback.glideTo(Math.ceil(placeOfStep(playback.steps, step)));
  if (layer !== null && head !== null) open(session, { layer, head }, null);
}

/** Goes to what is told: an alert of a rule, or another event. */
export function goToTold(session: Needs, { event, alert }: ToldEvent): void {
  if (alert?.raised) goToAlert(session, alert);
  else goToEvent(session, event);
}

/** Of heads that this run has. */
function open(session: Needs, place: HeadPlace | undefined, figure: string | null): void {
  if (!place || place.head >= (session.data.layers[place.layer]?.heads ?? 0)) return;
  session.focus.selection = null; // the head's figures are what is told, not a sentence
  session.focus.open({ layer: place.layer, head: place.head });
  session.health.asked = figure;
}
