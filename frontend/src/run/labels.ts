/** How layers, heads and parts of a run are called on screen: by the model's own numbers, whatever was recorded of it. */

import type { Layer, Progress, Segment } from './types';

/** "L5 H3" for the head at these positions among the recorded ones. */
export function headLabel(layers: readonly Layer[], layer: number, head: number): string {
  const described = layers[layer];
  return `L${described?.number ?? layer} H${described?.head_numbers[head] ?? head}`;
}

/** The number over a column of heads; empty where the layers have different heads there. */
export function columnLabel(layers: readonly Layer[], column: number): string {
  const numbers = new Set(layers.flatMap(({ head_numbers }) => head_numbers[column] ?? []));
  const [number, other] = numbers;
  return number === undefined || other !== undefined ? '' : String(number);
}

/** One line about a part of a run that is not shown. */
export function describeSegment({ steps, layers, heads, sequences }: Segment): string {
  const from = steps[0];
  const span = from === undefined ? 'no step' : `steps ${from} to ${steps.at(-1)}`;
  return `Not shown: ${span}, recorded with another probe or model (${layers} layers, ${heads} heads, ${sequences} sequences)`;
}

/** How far something is that is being made; what the pieces are differs. */
export function describeProgress({ state, done, total }: Progress): string {
  return total > 0 ? `${state}, ${done} of ${total}` : 'waiting for its turn';
}
