import { expect, it } from 'vitest';
import { between, clustered, heldStep, placeOfStep, shareOfStep, stepAt } from './steps';

const steps = [0, 100, 400];

it('lies between two checkpoints', () => {
  expect(between(1.25, 3)).toEqual({ from: 1, to: 2, mix: 0.25 });
  expect(between(2, 3)).toEqual({ from: 2, to: 2, mix: 0 });
  expect(between(9, 3)).toEqual({ from: 2, to: 2, mix: 0 });
});

it('goes from step values to places and back, by value, not by count', () => {
  expect(placeOfStep(steps, 250)).toBe(1.5);
  expect(stepAt(steps, 1.5)).toBe(250);
  expect(placeOfStep(steps, -5)).toBe(0);
  expect(placeOfStep(steps, 9999)).toBe(2);
  expect(shareOfStep(steps, 100)).toBe(0.25);
});

it('holds for a single checkpoint', () => {
  expect(placeOfStep([7], 7)).toBe(0);
  expect(shareOfStep([7], 7)).toBe(0);
});

it('what lies beyond all checkpoints stands at the first or the last', () => {
  expect([-5, 0, 150, 400, 900].map((step) => heldStep([0, 100, 400], step))).toEqual([0, 0, 150, 400, 400]);
});

it('steps that stand too near the first of them are one cluster there', () => {
  const found = clustered([{ step: 30 }, { step: 10 }, { step: 11 }, { step: 13 }], (step) => 100 + step, 2);
  expect(found).toEqual([
    { at: 110, of: [{ step: 10 }, { step: 11 }] },
    { at: 113, of: [{ step: 13 }] },
    { at: 130, of: [{ step: 30 }] },
  ]);
});
