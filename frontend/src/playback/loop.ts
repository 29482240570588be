import { placeOfStep } from '../base/steps';

/** The part of the timeline that Play goes round and round, by steps, so that it stays where it is while a run grows. */
export interface Loop {
  readonly from: number;
  readonly to: number;
}

/** The same part as numbers of checkpoints; null where it no longer holds two of them. */
export interface Lap {
  readonly from: number;
  readonly to: number;
}

export function lapOf(loop: Loop | null, steps: readonly number[]): Lap | null {
  if (!loop) return null;
  const from = Math.round(placeOfStep(steps, loop.from));
  const to = Math.round(placeOfStep(steps, loop.to));
  return from < to ? { from, to } : null;
}

/** The loop between two checkpoints, in either order; none where they are the same one. */
export function loopBetween(steps: readonly number[], a: number, b: number): Loop | null {
  const [from, to] = [steps[Math.min(a, b)], steps[Math.max(a, b)]];
  return from === undefined || to === undefined || from === to ? null : { from, to };
}

/** The loop with one end moved to a checkpoint; the other end gives way if it has to. */
export function loopFrom(steps: readonly number[], lap: Lap | null, index: number): Loop | null {
  const last = steps.length - 1;
  return loopBetween(steps, index, lap && lap.to > index ? lap.to : last);
}

export function loopTo(steps: readonly number[], lap: Lap | null, index: number): Loop | null {
  return loopBetween(steps, lap && lap.from < index ? lap.from : 0, index);
}

export function formatLoop({ from, to }: Loop): string {
  return `${from}-${to}`;
}

export function parseLoop(text: string | undefined): Loop | undefined {
  const found = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? '');
  if (!found) return undefined;
  const [from, to] = [Number(found[1]), Number(found[2])];
  return from < to ? { from, to } : undefined;
}
