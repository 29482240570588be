import { headNumber } from '../render/layout';
import type { Session } from './session.svelte';

/** What of the health figures is looked at beside the tint: at the steps that are mixed, were last and come next. */
export function lookedAt({ playback, matrix, against, arrangement, focus, grid, health, cellMaps }: Session) {
  const near = [playback.from, playback.to, playback.index, playback.to + 1].map((i) => playback.steps[i]);
  const pairs = [matrix.pair, cellMaps.pair, ...(against.own ? [against.matrix.pair] : [])];
  const ofPairs = pairs.flatMap((pair) => (pair ? [pair.fromStep, pair.toStep] : []));
  const others = against.own ? [against.step, ...against.around] : [];
  const steps = [...near, ...ofPairs, ...others, arrangement.basis, ...(health.told?.steps ?? [])];
  return {
    steps: steps.filter((step): step is number => typeof step === 'number'),
    figures: arrangement.border === null ? [] : [arrangement.border],
    head: health.told?.head ?? (focus.opened && headNumber(grid, focus.opened)),
  };
}
