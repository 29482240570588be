import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MatrixView } from './matrix_view.svelte';

const whole = { x: 5, y: 5, span: 10 };
const near = { x: 1, y: 2, span: 1 };
let frame: ((now: number) => void) | null;

beforeEach(() => {
  frame = null;
  vi.stubGlobal('requestAnimationFrame', (next: (now: number) => void) => {
    frame = next;
    return 1;
  });
  vi.stubGlobal('cancelAnimationFrame', () => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('shows all heads until a part is chosen', () => {
  const view = new MatrixView(() => true);
  expect(view.at(whole)).toEqual(whole);
  view.go(near);
  expect([view.at(whole), view.flying]).toEqual([near, false]);
});

it('flies from where it is, and stops where it is taken', () => {
  const view = new MatrixView(() => true);
  view.flyTo(near, whole);
  expect([view.flying, view.at(whole)]).toEqual([true, whole]);
  frame?.(0);
  frame?.(150); // half of the time: the span changes evenly to the eye
  expect(view.at(whole).span).toBeCloseTo(Math.sqrt(10), 6);
  const { span } = view.at(whole);
  view.flyTo(null, whole);
  expect(view.at(whole).span).toBeCloseTo(span, 6);
  frame?.(1000);
  frame?.(1300);
  expect([view.flying, view.at(whole)]).toEqual([false, whole]);
  view.flyTo(near, whole);
  view.go(near);
  expect(view.flying).toBe(false);
});

it('is there at once where nothing may move', () => {
  const view = new MatrixView(() => false);
  view.flyTo(near, whole);
  expect([view.flying, view.at(whole)]).toEqual([false, near]);
});
