import { ARROW_KEYS, arrow, type Key } from '../widgets/keys';

/** What keys move over the strip. */
interface Moves {
  /** So many steps on, and heads down. */
  walk(dx: number, dy: number): void;
  /** Goes to the head and the step. */
  enter(): boolean;
}

export const STRIP_KEYS: readonly Key<Moves>[] = [
  {
    keys: ARROW_KEYS,
    name: 'Arrows',
    does: 'walk from step to step, from head to head',
    act: (hand, event) => hand.walk(...arrow(event)),
  },
  {
    keys: ['PageUp', 'PageDown'],
    name: 'Page Up, Page Down',
    does: 'ten heads up, down',
    act: (hand, { key }) => hand.walk(0, key === 'PageUp' ? -10 : 10),
  },
  {
    keys: ['Home', 'End'],
    name: 'Home, End',
    does: 'first, newest step',
    act: (hand, { key }) =>
      hand.walk(key === 'Home' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY, 0),
  },
  { keys: ['Enter'], name: 'Enter', does: 'go to that step and open the head', act: (hand) => hand.enter() },
];
