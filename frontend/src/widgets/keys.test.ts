import { expect, it, vi } from 'vitest';
import { ARROW_KEYS, arrow, HANDLE_KEYS, handleKey, type Key } from './keys';

const table: readonly Key<string[]>[] = [
  { keys: ['+', '='], name: '+', does: 'zoom in', act: (on, { key }) => on.push(key) },
  { keys: ['b'], name: 'b', does: 'nothing here', act: () => false },
];

function pressed(key: string, on: string[], more: Partial<KeyboardEvent> = {}) {
  const preventDefault = vi.fn();
  const event = { key, preventDefault, getModifierState: () => false, ...more };
  const heard = handleKey(table, on, event as unknown as KeyboardEvent);
  return { heard, taken: preventDefault.mock.calls.length === 1 };
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

it('leaves commands to the browser, but hears what needs AltGr', () => {
  for (const modifier of ['ctrlKey', 'metaKey', 'altKey'] as const) {
    expect(pressed('+', [], { [modifier]: true })).toEqual({ heard: false, taken: false });
  }
  const graph = { ctrlKey: true, altKey: true, getModifierState: () => true };
  expect(pressed('+', [], graph)).toEqual({ heard: true, taken: true });
});

it('knows where arrows point', () => {
  expect(ARROW_KEYS.map((key) => arrow({ key }))).toEqual([
    [-1, 0],
    [1, 0],
    [0, -1],
    [0, 1],
  ]);
});

it('moves a handle as sliders are moved, and takes it away', () => {
  const handle = { by: vi.fn(), to: vi.fn(), remove: vi.fn() };
  const press = (key: string) =>
    handleKey(HANDLE_KEYS, handle, { key, preventDefault: () => {} } as unknown as KeyboardEvent);
  for (const key of [
    'ArrowLeft',
    'ArrowDown',
    'ArrowRight',
    'ArrowUp',
    'Home',
    'End',
    'Delete',
    'Backspace',
  ]) {
    expect(press(key)).toBe(true);
  }
  expect(handle.by.mock.calls).toEqual([[-1], [-1], [1], [1]]);
  expect(handle.to.mock.calls).toEqual([[0], [Number.POSITIVE_INFINITY]]);
  expect(handle.remove).toHaveBeenCalledTimes(2);
  expect(press('a')).toBe(false);
});
