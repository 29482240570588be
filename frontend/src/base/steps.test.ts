import { expect, it } from 'vitest';
import { between, placeOfStep, shareOfStep, stepAt } from './steps';

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
