import type { HeadPlace } from '../run/head';
import type { Dims, Group, PointsQuery } from '../run/pictures';
import { isSlow, type Projection } from '../run/projection';
import type { Run } from '../run/types';

/** What a scene wants to show. */
export interface Wish {
  readonly heads: readonly HeadPlace[];
  readonly dims: Dims;
  /** Numbers of the heads that are seen, where not all are: the others are left out. */
  readonly seen?: ReadonlySet<number> | null;
  /** Only these points, projected by themselves. */
  readonly alone: Group | null;
}

/** What all questions for a scene's points have in common. */
export interface Asking {
  readonly run: Run | null;
  readonly steps: readonly number[];
  readonly projection: Projection;
  readonly frame: number | null;
  /** The run in whose frames points are, where that is another one. */
  readonly inFrameOf: string | null;
  readonly wish: Wish | null;
}

/** A query, and the numbers of the heads that it answers for. */
export interface Question {
  readonly query: PointsQuery;
  readonly numbers: number[];
}

/** Whether heads are asked for one at a time, and not layer by layer. */
export function isSingle(projection: Projection, alone: Group | null): boolean {
  return isSlow(projection) || alone !== null;
}

/** Each query for a checkpoint, with the numbers of the heads that it answers for; none where nothing is wished for. */
export function questionsAt(asking: Asking, index: number, fit?: 'newest'): Question[] {
  const { frame, projection, run, steps, inFrameOf, wish } = asking;
  const step = steps[index];
  if (!run || !wish || frame === null || step === undefined) return [];
  const { dims, alone, seen } = wish;
  const base = {
    run: run.run,
    step,
    projection,
    dims,
    frame,
    ...(fit && { fit }),
    ...(alone && { alone }),
    ...(inFrameOf !== null && { inFrameOf }),
  };
  const single = isSingle(projection, alone);
  const asked: Question[] = [];
  wish.heads.forEach(({ layer, head }, number) => {
    if (seen && !seen.has(number)) return;
    const last = asked.at(-1);
    if (single) asked.push({ query: { ...base, layer, head }, numbers: [number] });
    else if (last?.query.layer === layer) last.numbers.push(number);
    else asked.push({ query: { ...base, layer }, numbers: [number] });
  });
  return asked;
}
