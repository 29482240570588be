import { expect, it, vi } from 'vitest';
import { makeGrid } from '../render/layout';
import { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { MatrixHand } from './matrix_hand.svelte';

vi.mock('../widgets/double_tap', () => ({ doubleTap: () => {} })); // of a window's own clicks
function setup() {
  const focus = new Focus({ run: null, lists: [], layerTokens: [], probe: { value: null } });
  const matrixView = { chosen: null };
  const drawn = $state({ under: null as HeadPlace | null });
  const folds = { fold: vi.fn(), foldOthers: vi.fn() };
  const arrangement = $state({ grid: makeGrid([2, 2]), gliding: false, by: 'layer', pin: vi.fn(), ...folds });
  const camera = {
    now: { scale: 100, x: 0, y: 0 },
    take: vi.fn(),
    zoom: vi.fn(),
    zoomOn: vi.fn(),
    showAll: vi.fn(),
    flyTo: vi.fn(),
    reveal: vi.fn(),
  };
  const hand = new MatrixHand({ focus, matrixView, arrangement }, camera, () =>
    drawn.under ? { place: drawn.under, point: 7 } : null,
  );
  /** What the pointer does, as the element hears it. */
  const listeners = new Map<string, (event: object) => void>();
  const box = { left: 100, top: 50 };
  const element = {
    addEventListener: (type: string, then: (event: object) => void) => listeners.set(type, then),
    getBoundingClientRect: () => box,
    setPointerCapture: () => {},
  };
  let resize = () => {};
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(tell: () => void) {
        resize = tell;
      }
      observe() {}
    },
  );
  hand.gestures(element as unknown as HTMLElement);
  const point = (clientX: number, clientY: number) => listeners.get('pointermove')?.({ clientX, clientY });
  const click = (clientX: number, clientY: number) => {
    vi.stubGlobal('Element', class {});
    const event = { clientX, clientY, button: 0, pointerId: 1, target: null };
    listeners.get('pointerdown')?.({ ...event, type: 'pointerdown' });
    listeners.get('pointerup')?.({ ...event, type: 'pointerup' });
  };
  const leave = () => listeners.get('pointerleave')?.({});
  /** @returns whether the key was taken */
  const press = (key: string, more: Partial<KeyboardEvent> = {}) => {
    const preventDefault = vi.fn();
    const event = {
      ...{ key, target: hand, currentTarget: hand, preventDefault },
      ...{ getModifierState: () => false, ...more },
    };
    hand.key(event as unknown as KeyboardEvent);
    return preventDefault.mock.calls.length > 0;
  };
  return { hand, focus, arrangement, camera, press, drawn, point, click, leave, box, resize: () => resize() };
}

it('means nothing by a pointer below which the matrix was laid out anew', () => {
  const { hand, drawn, point, resize } = setup();
  drawn.under = { layer: 0, head: 0 };
  point(120, 80);
  expect(hand.hovered?.place).toEqual({ layer: 0, head: 0 });
  resize();
  expect(hand.hovered).toBeNull();
  point(121, 80);
  expect(hand.hovered).not.toBeNull();
});

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

it('is at no head that the run has not, once another one is shown', () => {
  const { hand, focus, arrangement, press } = setup();
  hand.cursor = { layer: 1, head: 1 };
  arrangement.grid = makeGrid([2, 1]);
  expect(hand.cursor).toBeNull();
  press('Enter');
  expect(focus.opened).toBeNull();
  press('ArrowDown');
  expect(hand.cursor).toEqual({ layer: 0, head: 0 });
});

it('pins what is under the pointer, else where the keys are', () => {
  const { hand, arrangement, press, drawn, point } = setup();
  press('p');
  expect(arrangement.pin).not.toHaveBeenCalled();
  hand.cursor = { layer: 0, head: 0 };
  press('p');
  drawn.under = { layer: 1, head: 0 };
  point(110, 60);
  press('p');
  expect(arrangement.pin.mock.calls).toEqual([[{ layer: 0, head: 0 }], [{ layer: 1, head: 0 }]]);
});

it('folds the layer that is meant, or all others, where heads stand by layer', () => {
  const { hand, arrangement, press } = setup();
  press('f');
  expect(arrangement.fold).not.toHaveBeenCalled();
  hand.cursor = { layer: 1, head: 0 };
  press('f');
  press('F');
  expect(arrangement.fold.mock.calls).toEqual([[1]]);
  expect(arrangement.foldOthers.mock.calls).toEqual([[1]]);
  arrangement.by = 'entropy';
  press('f');
  expect(arrangement.fold).toHaveBeenCalledTimes(1);
});

it('tells what is under a resting pointer now, whatever comes there', () => {
  const { hand, arrangement, drawn, point, leave } = setup();
  drawn.under = { layer: 0, head: 0 };
  expect(hand.hovered).toBeNull();
  point(110, 60);
  expect(hand.hovered).toEqual({ place: { layer: 0, head: 0 }, point: 7, x: 10, y: 10 });
  drawn.under = { layer: 1, head: 1 }; // the view was zoomed, or the step is another one
  expect(hand.hovered?.place).toEqual({ layer: 1, head: 1 });
  arrangement.gliding = true; // cells are elsewhere than where they will be
  expect(hand.hovered).toBeNull();
  arrangement.gliding = false;
  drawn.under = null;
  expect(hand.hovered).toBeNull();
  drawn.under = { layer: 0, head: 0 };
  leave();
  expect(hand.hovered).toBeNull();
});

it('tells nothing of what a click or a key has brought under the pointer, until that is moved', () => {
  const { hand, focus, drawn, point, click, leave, press, box } = setup();
  drawn.under = { layer: 0, head: 0 };
  point(110, 60);
  click(110, 60);
  expect(focus.opened).toEqual({ layer: 0, head: 0 });
  drawn.under = { layer: 1, head: 1 }; // cells are smaller beside the opened head
  box.top = 70;
  expect(hand.hovered).toBeNull();
  leave();
  point(112, 61); // as browsers report after a new layout, or a hand that rests
  expect(hand.hovered).toBeNull();
  point(118, 60);
  expect(hand.hovered?.place).toEqual({ layer: 1, head: 1 });
  press('ArrowRight');
  expect(hand.hovered).toBeNull();
  point(119, 60);
  expect(hand.hovered).toBeNull();
  point(130, 60);
  expect(hand.hovered?.place).toEqual({ layer: 1, head: 1 });
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
