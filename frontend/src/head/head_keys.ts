import type { Tool } from '../find/marking.svelte';
import { ARROW_KEYS, arrow, type Key } from '../widgets/keys';

/** What keys move in an opened head's scatterplot. */
interface Moves {
  move(dx: number, dy: number): void;
  zoom(factor: number): void;
  showAll(): void;
  /** Takes a tool up, or lays it down; false where none can be used. */
  mark(tool: Tool): boolean;
  /** Lays it down; false where none was taken up. */
  stop(): boolean;
  read(): void;
}

export const HEAD_KEYS: readonly Key<Moves>[] = [
  {
    keys: ARROW_KEYS,
    name: 'Arrows',
    does: 'move the picture; in 3-D, turn it',
    act: (plot, event) => plot.move(...arrow(event)),
  },
  {
    keys: ['+', '=', '-'],
    name: '+ −',
    does: 'zoom in, out',
    act: (plot, { key }) => plot.zoom(key === '-' ? 1 / 1.4 : 1.4),
  },
  { keys: ['0'], name: '0', does: 'show all', act: (plot) => plot.showAll() },
  { keys: ['l'], name: 'l', does: 'mark points by a lasso', act: (plot) => plot.mark('lasso') },
  { keys: ['b'], name: 'b', does: 'mark points by a box', act: (plot) => plot.mark('box') },
  { keys: ['Escape'], name: 'Esc', does: 'lay lasso or box down', act: (plot) => plot.stop() },
  // Without a pointer: the sentence view has all tokens, and marks points too.
  { keys: ['Enter'], name: 'Enter', does: 'open the sentence', act: (plot) => plot.read() },
];
