import type { Attachment } from 'svelte/attachments';
import { relaid } from './relaid';

/** Pointer places are in css pixels from the element's top left corner. */
interface Gestures {
  readonly pan: (dx: number, dy: number, event: PointerEvent, at: readonly [number, number]) => void;
  /** A drag is over: the pointer was let go, or taken away. */
  readonly end?: (letGo: boolean) => void;
  readonly zoom: (x: number, y: number, factor: number) => void;
  readonly tap: (x: number, y: number) => void;
  readonly reset: () => void;
  /** null: the pointer has left, or is busy with a drag, or something else lies under it. */
  readonly hover: (place: readonly [number, number] | null) => void;
}

/** A press that moves less than this, in css pixels, is a tap. */
const SLOP = 4;

/** Drag to pan, wheel or pinch to zoom, tap, double click. */
export function gestures(on: Gestures): Attachment<HTMLElement> {
  return (element) => {
    const pointers = new Map<number, readonly [number, number]>();
    let travelled = 0;

    const placeOf = (event: MouseEvent): readonly [number, number] => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const down = (event: PointerEvent) => {
      const onControl = event.target instanceof Element && event.target.closest('button') !== null;
      if (event.button !== 0 || onControl) return;
      element.setPointerCapture(event.pointerId);
      if (pointers.size === 0) travelled = 0;
      pointers.set(event.pointerId, placeOf(event));
    };
    const move = (event: PointerEvent) => {
      const place = placeOf(event);
      const last = pointers.get(event.pointerId);
      if (!last) return on.hover(place);
      pointers.set(event.pointerId, place);
      const [dx, dy] = [place[0] - last[0], place[1] - last[1]];
      travelled += Math.abs(dx) + Math.abs(dy);
      if (travelled < SLOP) return;
      on.hover(null);
      if (pointers.size === 1) return on.pan(dx, dy, event, place);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1] ?? place;
      const spread = Math.hypot(last[0] - other[0], last[1] - other[1]);
      if (spread > 0) {
        const middle = [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2] as const;
        on.zoom(middle[0], middle[1], Math.hypot(place[0] - other[0], place[1] - other[1]) / spread);
        on.pan(dx / 2, dy / 2, event, place);
      }
    };
    const up = (event: PointerEvent) => {
      if (!pointers.delete(event.pointerId)) return;
      const [x, y] = placeOf(event);
      if (pointers.size > 0) return;
      if (travelled >= SLOP) on.end?.(event.type === 'pointerup');
      else if (event.type === 'pointerup') on.tap(x, y);
    };
    const leave = () => on.hover(null);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const [x, y] = placeOf(event);
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
      // A trackpad's pinch arrives as a wheel with Ctrl, in far smaller steps.
      on.zoom(x, y, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0015)));
    };
    const reset = () => on.reset();

    const forget = relaid(leave)(element);
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointercancel', up);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('wheel', wheel, { passive: false });
    element.addEventListener('dblclick', reset);
    return () => {
      forget?.();
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointercancel', up);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('wheel', wheel);
      element.removeEventListener('dblclick', reset);
    };
  };
}
