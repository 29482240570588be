import { formatLoop, parseLoop } from '../playback/loop';
import { type Playback, SPEEDS, USUAL_SPEED } from '../playback/playback.svelte';
import type { Steering } from './steering.svelte';

/** What a link says of the timeline. Absent means the default. */
export interface TimelinePlace {
  readonly speed?: number;
  /** Two steps, with a hyphen between them. */
  readonly loop?: string;
  /** The scalar above the timeline. */
  readonly scalar?: string;
  readonly scale?: 'log';
}

/** @param found the link's pairs */
export function readTimeline(found: ReadonlyMap<string, string>): TimelinePlace {
  const speed = SPEEDS.find((choice) => String(choice) === found.get('speed'));
  const loop = parseLoop(found.get('loop'));
  const scalar = found.get('scalar');
  return {
    ...(speed !== undefined && { speed }),
    ...(loop && { loop: formatLoop(loop) }),
    ...(scalar !== undefined && { scalar }),
    ...(found.get('scale') === 'log' && { scale: 'log' }),
  };
}

export function enterTimeline(place: TimelinePlace, playback: Playback, steering: Steering): void {
  playback.speed = place.speed ?? USUAL_SPEED;
  playback.loop = parseLoop(place.loop) ?? null;
  steering.chosen = place.scalar ?? null;
  steering.logarithmic = place.scale === 'log';
}

export function placeOfTimeline({ speed, loop }: Playback, steering: Steering): TimelinePlace {
  return {
    ...(speed !== USUAL_SPEED && { speed }),
    ...(loop && { loop: formatLoop(loop) }),
    ...(steering.chosen !== null && { scalar: steering.chosen }),
    ...(steering.logarithmic && { scale: 'log' }),
  };
}
