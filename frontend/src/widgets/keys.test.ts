import { expect, it, vi } from 'vitest';
import { ARROW_KEYS, arrow, handleKey, type Key } from './keys';

const table: readonly Key<string[]>[] = [
  { keys: ['+', '='], name: '+', does: 'zoom in', act: (on, { key }) => on.push(key) },
  { keys: ['b'], name: 'b', does: 'nothing here', act: () => false },
];

function pressed(key: string, on: string[]) {
  const event = { key, preventDefault: vi.fn() };
  const heard = handleKey(table, on, event as unknown as KeyboardEvent);
  return { heard, taken: event.preventDefault.mock.calls.length === 1 };
}

it('does what a key does, whichever of its keys is pressed, and takes it from the page', () => {
  const on: string[] = [];
  expect([pressed('+', on), pressed('=', on)]).toEqual([
    { heard: true, taken: true },
    { heard: true, taken: true },
  ]);
  expect(on).toEqual(['+', '=']);
});

it('leaves a key to others that has no row, or nothing to do', () => {
  expect([pressed('a', []), pressed('b', [])]).toEqual([
    { heard: false, taken: false },
    { heard: false, taken: false },
  ]);
});

it('knows where arrows point', () => {
  expect(ARROW_KEYS.map((key) => arrow({ key }))).toEqual([
    [-1, 0],
    [1, 0],
    [0, -1],
    [0, 1],
  ]);
});
