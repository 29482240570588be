import { expect, it, vi } from 'vitest';
import { makeGrid } from '../render/layout';
import { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { MatrixHand } from './matrix_hand.svelte';

function setup() {
  const focus = new Focus({ run: null, lists: [], layerTokens: [], probe: { value: null } });
  const matrixView = { chosen: null, pointed: null as HeadPlace | null };
  const arrangement = { grid: makeGrid([2, 2]), pin: vi.fn() };
  const camera = {
    now: { scale: 100, x: 0, y: 0 },
    take: vi.fn(),
    zoom: vi.fn(),
    zoomOn: vi.fn(),
    showAll: vi.fn(),
    flyTo: vi.fn(),
    reveal: vi.fn(),
  };
  const hand = new MatrixHand({ focus, matrixView, arrangement }, camera, () => null);
  /** @returns whether the key was taken */
  const press = (key: string, more: Partial<KeyboardEvent> = {}) => {
    const preventDefault = vi.fn();
    const event = { key, target: hand, currentTarget: hand, preventDefault, ...more };
    hand.key(event as unknown as KeyboardEvent);
    return preventDefault.mock.calls.length > 0;
  };
  return { hand, focus, arrangement, camera, press };
}

it('walks from the first head, opens it and flies to it', () => {
  const { hand, focus, camera, press } = setup();
  press('ArrowDown');
  expect([hand.cursor, focus.opened]).toEqual([{ layer: 0, head: 0 }, null]);
  press('ArrowRight');
  press('Enter');
  expect(focus.opened).toEqual({ layer: 0, head: 1 });
  expect(camera.flyTo).not.toHaveBeenCalled();
  press('Enter');
  expect(camera.flyTo).toHaveBeenCalledWith({ layer: 0, head: 1 });
  press('ArrowDown'); // an opened head is left for the next
  expect([hand.cursor, focus.opened]).toEqual([
    { layer: 1, head: 1 },
    { layer: 1, head: 1 },
  ]);
  expect(camera.reveal).toHaveBeenLastCalledWith({ layer: 1, head: 1 });
});

it('pins what is under the pointer, else where the keys are', () => {
  const { hand, arrangement, press } = setup();
  press('p');
  expect(arrangement.pin).not.toHaveBeenCalled();
  hand.cursor = { layer: 0, head: 0 };
  press('p');
  hand.hovered = { place: { layer: 1, head: 0 }, point: null, x: 0, y: 0 };
  press('p');
  expect(arrangement.pin.mock.calls).toEqual([[{ layer: 0, head: 0 }], [{ layer: 1, head: 0 }]]);
});

it('zooms on the opened head and shows all, and leaves other keys and those of controls within alone', () => {
  const { focus, camera, press } = setup();
  focus.open({ layer: 1, head: 0 });
  expect(press('+')).toBe(true);
  expect(camera.zoomOn).toHaveBeenCalledWith({ layer: 1, head: 0 }, 1.4);
  press('0');
  expect(camera.showAll).toHaveBeenCalled();
  expect(press('q')).toBe(false);
  expect(press('+', { ctrlKey: true })).toBe(false);
  expect(press('+', { target: null })).toBe(false);
});
