import type { StepPoints } from '../render/positions';
import type { Dims } from '../run/pictures';
import type { Method } from '../run/projection';

export type Heads = readonly (Float32Array | null)[];

/** What is asked for, as far as it is here. */
export interface Asked {
  readonly place: string;
  /** Method, parameters and points. */
  readonly address: string;
  readonly dims: Dims;
  readonly fromStep: number;
  readonly toStep: number;
  readonly from: Heads;
  readonly to: Heads;
  /** Names the two ends' axes: run, place, projection, frame. */
  readonly frame: string;
  /** Whether all has come that will. */
  readonly complete: boolean;
  /** Whether heads come one at a time. */
  readonly single: boolean;
  /** Biplots of heads whose slow picture is still to come, as far as they are here. */
  readonly standIns: Heads;
  /** Numbers of the heads that are asked for; null: all. */
  readonly seen: ReadonlySet<number> | null;
  readonly method: Method;
  /** Whether axes are shown that will be replaced when the full frame is there. */
  readonly preliminary: boolean;
}

/** What is seen of a head until its own picture is here: that of another step, its biplot, or nothing. */
export type StandIn = number | 'biplot' | null;

/** What is on screen. */
export interface Pair {
  readonly asked: Asked;
  readonly dims: Dims;
  readonly fromStep: number;
  readonly toStep: number;
  readonly from: StepPoints;
  readonly to: StepPoints;
  /** Heads whose own picture is not here: what stands in for it. */
  readonly late: ReadonlyMap<number, StandIn>;
}

/** The same steps in the same axes; only what is here may differ. */
export function sameView(a: Asked, b: Asked): boolean {
  return a.frame === b.frame && a.fromStep === b.fromStep && a.toStep === b.toStep;
}

/** Whether an old picture may stay until what is asked for is here. Never another method's in a whole matrix that
 * fills head by head: nobody could tell which cell is what. */
export function standsIn({ asked: old, from }: Pair, asked: Asked): boolean {
  return (
    old.place === asked.place && (!asked.single || from.heads.length === 1 || old.address === asked.address)
  );
}

/** The end that is nearer to what is on screen. */
export function nearest({ from, to }: Pair, mix: number): StepPoints {
  return mix < 0.5 ? from : to;
}

/** The step that is on screen, where others are asked for; null where it is one of these. */
export function stepBehind(pair: Pair | null, asked: Asked | null, mix: number): number | null {
  if (!pair || !asked || (pair.fromStep === asked.fromStep && pair.toStep === asked.toStep)) return null;
  return mix < 0.5 ? pair.fromStep : pair.toStep;
}

/** Of the heads alone that have their own picture. */
export function withoutStandIns(pair: Pair): Pair {
  const own = ({ id, heads }: StepPoints): StepPoints => ({
    id,
    heads: heads.map((points, number) => (pair.late.has(number) ? null : points)),
  });
  return { ...pair, from: own(pair.from), to: own(pair.to) };
}

/** Whether heads turn into others of the same step. */
export function replaces(old: Pair | null, { asked }: Pair, before: Heads, after: Heads): boolean {
  if (old?.dims !== asked.dims || old.fromStep !== asked.fromStep || old.toStep !== asked.toStep)
    return false;
  return before.some((points, i) => points !== null && after[i] && after[i] !== points);
}
