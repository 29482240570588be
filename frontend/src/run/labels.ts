import { grouped, stepName } from '../base/numbers';
/** How layers, heads and parts of a run are called on screen: by the model's own numbers, whatever was recorded of it. */

import type { HeadPlace } from './head';
import type { Layer, Progress, Run, Segment } from './types';

/** The last step at which a recording has the training's start. */
const START = 1;

/** "L5 H3" for the head at these positions among the recorded ones. */
export function headLabel(layers: readonly Layer[], layer: number, head: number): string {
  const described = layers[layer];
  return `L${described?.number ?? layer} H${described?.head_numbers[head] ?? head}`;
}

/** The same in full: "Layer 5 · Head 3". */
export function headTitle(layers: readonly Layer[], { layer, head }: HeadPlace): string {
  const described = layers[layer];
  return `Layer ${described?.number ?? layer} · Head ${described?.head_numbers[head] ?? head}`;
}

/** The number over a column of heads; empty where the layers have different heads there. */
export function columnLabel(layers: readonly Layer[], column: number): string {
  const numbers = new Set(layers.flatMap(({ head_numbers }) => head_numbers[column] ?? []));
  const [number, other] = numbers;
  return number === undefined || other !== undefined ? '' : String(number);
}

/** Since when something is so, in the words of findings: what was there from the beginning came at no step, "since before step 550" where the recording
 * began later than the training. Nothing of a run with one checkpoint.
 * @param steps all that is recorded of the run */
export function sinceStep(step: number, steps: readonly number[]): string {
  if (steps.length < 2) return '';
  if (step !== steps[0]) return `since ${stepName(step)}`;
  return step <= START ? 'from the start' : `since before ${stepName(step)}`;
}

/** The same of several, briefly: "since step 575", "since steps 400–575", from the first of them to the last.
 * @param since when each of them came to be so */
export function sinceSteps(since: readonly number[], steps: readonly number[]): string {
  if (steps.length < 2 || since.length === 0) return '';
  const [first, last] = [Math.min(...since), Math.max(...since)];
  if (first === last) return sinceStep(first, steps);
  if (first !== steps[0]) return `since steps ${grouped(first)}–${grouped(last)}`;
  return `some ${first <= START ? 'from the start' : `before ${grouped(first)}`}, all since ${grouped(last)}`;
}

/** One line about a part of a run that is not shown. */
export function describeSegment({ steps, layers, heads, sequences }: Segment): string {
  const from = steps[0];
  const span = from === undefined ? 'no step' : `steps ${from} to ${steps.at(-1)}`;
  return `Not shown: ${span}, recorded with another model or probe (${layers} layers, ${heads} heads, ${sequences} sequences)`;
}

/** A run among others, an earlier part with its steps; `.` is what TensorBoard calls that of the log directory itself. */
export function runTitle({ run, part_of, steps, error }: Run): string {
  const name = run === '.' ? '. (log directory)' : run;
  if (error) return `${name} — cannot be shown`;
  return part_of && steps.length > 0 ? `${name} (${steps[0]}–${steps.at(-1)})` : name;
}

/** What is said where a run was begun again and only its last part is shown; null where it has one part.
 * @param told what the run itself tells of it, once that is known
 * @param listed whether the earlier parts can be opened */
export function describeBreak(
  segments: readonly Segment[],
  told: string | null = null,
  listed = false,
): string | null {
  const [before, last] = segments.slice(-2);
  const begun = last?.steps[0];
  if (!before || !last || (begun === undefined && told === null)) return null;
  const other =
    before.layers !== last.layers || before.heads !== last.heads
      ? 'another model'
      : before.sequences === last.sequences
        ? 'another model or probe'
        : 'another probe';
  const says = told ?? `begun again ${begunAt(before.steps, begun ?? 0)} with ${other}`;
  const earlier = segments.length > 2 ? 'parts are' : 'part is';
  return `B${says.slice(1)}${listed ? '' : `; the earlier ${earlier} not listed here`}`;
}

/** Where training was begun again that was first recorded at `step`: somewhere after what was recorded `before` it. */
function begunAt(before: readonly number[], step: number): string {
  const last = Math.max(...before.filter((one) => one < step));
  const [from, to] = [last, step].map(grouped);
  return Number.isFinite(last) && last < step - 1 ? `between steps ${from} and ${to}` : `at step ${to}`;
}

/** How far something is that is being made; what the pieces are differs. */
export function describeProgress({ state, done, total }: Progress): string {
  return total > 0 ? `${state}, ${done} of ${total}` : 'waiting for its turn';
}
