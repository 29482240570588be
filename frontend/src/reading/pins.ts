import { stepName } from '../base/numbers';
import type { HeadPlace } from '../run/head';
import { headLabel } from '../run/labels';
import { type Codec, codec } from '../run/setting';
import type { Run } from '../run/types';

/** What the shown attention is held against: the same head at another step, or another head at the same step. */
export type Pin = { readonly step: number } | { readonly head: HeadPlace };

/** As many as can still be told apart beside each other. */
export const MOST_PINS = 3;

export function pinId(pin: Pin): string {
  return 'step' in pin ? `s${pin.step}` : `${pin.head.layer}-${pin.head.head}`;
}

export function pinTitle(pin: Pin, run: Run | null): string {
  if ('step' in pin) return stepName(pin.step);
  return headLabel(run?.layers ?? [], pin.head.layer, pin.head.head);
}

/** Where the attention of a pin is to be found, while this head is shown at this step. */
export function pinned(pin: Pin, step: number, head: HeadPlace): HeadPlace & { readonly step: number } {
  return 'step' in pin ? { ...head, step: pin.step } : { ...pin.head, step };
}

/** Pins in a link, as far as the run has them. */
export const pinList: Codec<readonly Pin[]> = codec(
  (text, run) => parsePins(text).filter((pin) => holds(run, pin)),
  (pins) => pins.map(pinId).join('_'),
);

function parsePins(text: string): readonly Pin[] {
  const pins = text.split('_').flatMap((part): Pin[] => {
    const found = /^(?:s(\d{1,15})|(\d{1,6})-(\d{1,6}))$/.exec(part);
    if (!found) return [];
    const [, step, layer, head] = found;
    return step !== undefined
      ? [{ step: Number(step) }]
      : [{ head: { layer: Number(layer), head: Number(head) } }];
  });
  const seen = new Map(pins.map((pin) => [pinId(pin), pin]));
  return [...seen.values()].slice(0, MOST_PINS);
}

/** Whether a run has what is pinned. */
function holds(run: Run, pin: Pin): boolean {
  if ('step' in pin) return run.steps.includes(pin.step);
  return pin.head.head < (run.layers[pin.head.layer]?.heads ?? 0);
}
