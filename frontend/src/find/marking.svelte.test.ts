import { beforeEach, expect, it } from 'vitest';
import { Marking } from './marking.svelte';

let marking: Marking;
const keys = (parts: { shiftKey?: boolean; altKey?: boolean } = {}) =>
  ({ shiftKey: false, altKey: false, ...parts }) as PointerEvent;

beforeEach(() => {
  marking = new Marking();
});

it('leaves a plain drag alone until a tool is taken up, which draws once', () => {
  expect(marking.drag(3, 4, keys(), [10, 20])).toBe(false);
  marking.choose('lasso');
  expect(marking.drag(3, 4, keys(), [10, 20])).toBe(true);
  expect(marking.drag(5, 5, keys(), [15, 25])).toBe(true);
  const corners = [
    [7, 16], // where the pointer went down
    [10, 20],
    [15, 25],
  ];
  expect(marking.finish()).toEqual({ tool: 'lasso', how: 'replace', corners });
  expect(marking.busy).toBe(false);
  expect(marking.finish()).toBeNull();
});

it('marks more with Shift and fewer with Alt, in the shape that was chosen last', () => {
  marking.choose('box');
  marking.choose('box'); // laid down
  expect(marking.busy).toBe(false);
  marking.drag(1, 1, keys({ shiftKey: true }), [4, 4]);
  marking.drag(2, 0, keys(), [6, 4]);
  const corners = [
    [3, 3],
    [6, 3],
    [6, 4],
    [3, 4],
  ];
  expect(marking.finish()).toEqual({ tool: 'box', how: 'add', corners });
  marking.drag(1, 1, keys({ altKey: true }), [4, 4]);
  expect(marking.finish()?.how).toBe('remove');
});

it('keeps its tool where nothing was drawn', () => {
  marking.choose('lasso');
  expect(marking.finish()).toBeNull();
  expect(marking.tool).toBe('lasso');
  marking.stop();
  expect(marking.busy).toBe(false);
});
