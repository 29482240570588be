import { expect, it } from 'vitest';
import { codeOf, mixedValue } from '../render/maps';
import type { SmallMaps } from '../run/types';
import type { CellMaps } from './cell_maps.svelte';
import { barPaint, barRange, drawnMaps, heatTable, mostOf } from './map_picture';

/** Two heads; offsets −4 … 4, nothing ahead; 3 and 4 back is what the last queries give the first token. */
const offsets: SmallMaps = {
  shape: [2, 1, 9],
  data: Uint8Array.from(
    [0.9, 0.5, 0.1, 0.83, 0.07, 0, 0, 0, 0, 0.9, 0.5, 0.2, 0.3, 0.5, 0, 0, 0, 0].map(codeOf),
  ),
};
const ON_FIRST = Float32Array.of(0.02, 0.6);
const onFirst = (step: number) => (step === 100 ? ON_FIRST : null);

function shown(maps: SmallMaps, part: string, parts: Partial<CellMaps> = {}): CellMaps {
  const steps = { fromStep: 100, toStep: 100, fromMaps: 100, toMaps: 100 };
  const pair = { kind: 'text', part, ...steps, from: maps, to: maps };
  return { on: true, mix: 0, current: true, pictured: false, pair, onFirst, ...parts } as unknown as CellMaps;
}

it('draws a bar for each distance, and one apart for the first token', () => {
  expect(barRange(offsets)).toEqual({ back: 2, ahead: 0 });
  const drawn = drawnMaps(shown(offsets, 'offsets'), false, 1);
  expect([drawn?.form, drawn?.columns]).toEqual(['bars', 7]);
  const of = (head: number) =>
    Array.from({ length: 7 }, (_, i) => Number(mixedValue(drawn as never, 7 * head + i).toFixed(2)));
  expect(of(0)).toEqual([0.02, 0.02, Number.NaN, Number.NaN, 0.1, 0.83, 0.07]);
  expect(of(1).slice(0, 2)).toEqual([0.6, 0.6]);
  // The same array each time, so that it goes up to the graphics card once.
  expect(drawnMaps(shown(offsets, 'offsets'), false, 1)?.from).toBe(drawn?.from);
});

it('dims what is of another step, and draws nothing in place of points', () => {
  const square: SmallMaps = { shape: [1, 2, 2], data: Uint8Array.of(255, 1, 1, 255) };
  expect(drawnMaps(shown(square, 'first'), false, 1)).toMatchObject({
    form: 'heat',
    rows: 2,
    opacity: 1,
  });
  expect(drawnMaps(shown(square, 'first', { current: false }), false, 1)?.opacity).toBeLessThan(0.5);
  expect(drawnMaps(shown(square, 'first', { on: false }), false, 1)).toBeNull();
});

it('outlines the patch itself among offsets of patches, and no other map', () => {
  const square: SmallMaps = { shape: [1, 3, 3], data: new Uint8Array(9).fill(9) };
  expect(drawnMaps(shown(square, 'offsets'), false, 1)).toMatchObject({
    form: 'heat',
    middle: barPaint(false).first,
  });
  expect(drawnMaps(shown(square, 'received'), false, 1)?.middle).toBeNull();
});

it('has one scale: all attention, or for patches what the greatest gets', () => {
  const grid: SmallMaps = { shape: [1, 1, 2], data: Uint8Array.from([0.03, 0.001].map(codeOf)) };
  expect(mostOf(shown(grid, 'first'))).toBe(1);
  expect(mostOf(shown(grid, 'received', { pictured: true }))).toBe(0.05);
});

it('grows darker in the light, and lighter in the dark', () => {
  for (const dark of [false, true]) {
    const table = heatTable(dark);
    const lightness = [1, 64, 128, 192, 255].map((code) =>
      table.subarray(4 * code, 4 * code + 3).reduce((sum, x) => sum + x, 0),
    );
    expect(lightness.toSorted((a, b) => (dark ? a - b : b - a))).toEqual(lightness);
  }
});
