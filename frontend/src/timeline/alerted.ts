import type { Session } from '../app/session.svelte';
import { placeOfStep } from '../base/steps';
import type { Alert } from '../run/types';

/** Goes to the checkpoint nearest to where an alert was raised, and opens the head that it is most about. */
export function goToAlert(session: Session, { step, heads }: Alert): void {
  const { playback } = session;
  const { layers } = session.data;
  playback.glideTo(Math.round(placeOfStep(playback.steps, step)));
  const [worst] = heads;
  if (worst && worst.head < (layers[worst.layer]?.heads ?? 0)) {
    session.focus.open({ layer: worst.layer, head: worst.head });
  }
}
