import type { Key } from '../widgets/keys';

/** What keys move on the timeline. */
interface Moves {
  /** So many checkpoints on, or back. */
  by(count: number): void;
  /** To the first checkpoint, or to the newest. */
  to(end: 'first' | 'newest'): void;
}

export const TIMELINE_KEYS: readonly Key<Moves>[] = [
  {
    keys: ['ArrowLeft', 'ArrowDown', 'ArrowRight', 'ArrowUp'],
    name: '← →',
    does: 'one checkpoint back, on',
    act: (hand, { key }) => hand.by(key === 'ArrowLeft' || key === 'ArrowDown' ? -1 : 1),
  },
  {
    keys: ['PageUp', 'PageDown'],
    name: 'Page Up, Page Down',
    does: 'ten checkpoints on, back',
    act: (hand, { key }) => hand.by(key === 'PageUp' ? 10 : -10),
  },
  {
    keys: ['Home', 'End'],
    name: 'Home, End',
    does: 'first, newest checkpoint',
    act: (hand, { key }) => hand.to(key === 'Home' ? 'first' : 'newest'),
  },
];
