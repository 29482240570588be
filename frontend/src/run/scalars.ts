import type { JsonNumber } from './types';
import { toNumber } from './types';

/** What TensorBoard’s own scalars plugin answers, as far as the timeline draws it. */

export interface ScalarPoint {
  readonly step: number;
  /** NaN and infinities are kept: a curve has a gap there. */
  readonly value: number;
  /** When it was written, in seconds; absent: of exported pages. */
  readonly time?: number;
}

/** `scalars/tags`: of each run, its tags and what is said about them. */
type ScalarTags = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** `scalars/scalars`: wall time, step and value of each point. */
type ScalarRows = readonly (readonly [JsonNumber, JsonNumber, JsonNumber])[];

export function tagsOf(answer: ScalarTags, run: string): readonly string[] {
  return Object.keys(answer[run] ?? {}).sort();
}

/** Ascending by step; of a step written twice (a restart) the latest writing counts. */
export function pointsOf(rows: ScalarRows): readonly ScalarPoint[] {
  const latest = new Map<number, { readonly time: number; readonly value: number }>();
  for (const [time, step, value] of rows) {
    const at = toNumber(step);
    const held = latest.get(at);
    if (!held || held.time <= toNumber(time))
      latest.set(at, { time: toNumber(time), value: toNumber(value) });
  }
  return [...latest].map(([step, written]) => ({ step, ...written })).sort((a, b) => a.step - b.step);
}
