import type { Playback } from '../playback/playback.svelte';
import type { Run } from '../run/types';

/** The checkpoints that a scene goes through, and where among them it is. */
export interface TimeSpan {
  readonly run: Run | null;
  readonly steps: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly mix: number;
  /** The run in whose frames it is drawn, where that is another one. */
  readonly inFrameOf: string | null;
}

interface Needs {
  readonly data: { readonly run: Run | null };
  readonly playback: Pick<Playback, 'steps' | 'from' | 'to' | 'between'>;
}

/** The run's own steps, where the timeline's hand is. */
export function shownTimeSpan(session: Needs): TimeSpan {
  return {
    get run() {
      return session.data.run;
    },
    get steps() {
      return session.playback.steps;
    },
    get from() {
      return session.playback.from;
    },
    get to() {
      return session.playback.to;
    },
    get mix() {
      return session.playback.between.mix;
    },
    inFrameOf: null,
  };
}
