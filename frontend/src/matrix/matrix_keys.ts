import { ARROW_KEYS, arrow, type Key } from '../widgets/keys';

/** What keys move in the matrix. */
export interface Moves {
  walk(dx: number, dy: number): void;
  enter(): void;
  pin(): void;
  zoom(factor: number): void;
  showAll(): void;
  fold(others: boolean): void;
}

export const MATRIX_KEYS: readonly Key<Moves>[] = [
  {
    keys: ARROW_KEYS,
    name: 'Arrows',
    does: 'walk from head to head',
    act: (hand, event) => hand.walk(...arrow(event)),
  },
  {
    keys: ['Enter'],
    name: 'Enter',
    does: 'open the head, then fly to it and back; so does a double click',
    act: (hand) => hand.enter(),
  },
  { keys: ['p'], name: 'p', does: 'pin the head', act: (hand) => hand.pin() },
  {
    keys: ['+', '=', '-'],
    name: '+ −',
    does: 'zoom in, out',
    act: (hand, { key }) => hand.zoom(key === '-' ? 1 / 1.4 : 1.4),
  },
  {
    keys: ['f', 'F'],
    name: 'f F',
    does: 'fold the head’s layer to a thin row, or unfold it; all other layers',
    act: (hand, { key }) => hand.fold(key === 'F'),
  },
  { keys: ['0'], name: '0', does: 'show all heads', act: (hand) => hand.showAll() },
];
