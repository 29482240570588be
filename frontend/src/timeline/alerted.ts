import { placeOfStep } from '../base/steps';
import type { Playback } from '../playback/playback.svelte';
import type { Focus } from '../run/focus.svelte';
import type { Alert, Layer } from '../run/types';

interface Needs {
  readonly playback: Pick<Playback, 'steps' | 'glideTo'>;
  readonly data: { readonly layers: readonly Pick<Layer, 'heads'>[] };
  readonly focus: Pick<Focus, 'open'>;
}

/** Goes to the checkpoint nearest to where an alert was raised, and opens the head that it is most about. */
export function goToAlert(session: Needs, { step, heads }: Alert): void {
  const { playback } = session;
  const { layers } = session.data;
  playback.glideTo(Math.round(placeOfStep(playback.steps, step)));
  const [worst] = heads;
  if (worst && worst.head < (layers[worst.layer]?.heads ?? 0)) {
    session.focus.open({ layer: worst.layer, head: worst.head });
  }
}
