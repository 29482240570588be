import { expect, it } from 'vitest';
import { formatLoop, lapOf, loopBetween, loopFrom, loopTo, parseLoop } from './loop';

const steps = [0, 100, 200, 300];

it('lies between two checkpoints, in whatever order they are given', () => {
  expect(loopBetween(steps, 3, 1)).toEqual({ from: 100, to: 300 });
  expect(loopBetween(steps, 1, 1)).toBe(null);
});

it('keeps its steps while the run grows and loses some', () => {
  const loop = { from: 100, to: 300 };
  expect(lapOf(loop, steps)).toEqual({ from: 1, to: 3 });
  expect(lapOf(loop, [...steps, 400])).toEqual({ from: 1, to: 3 });
  expect(lapOf(loop, [0, 100, 300])).toEqual({ from: 1, to: 2 });
  expect(lapOf(loop, [100])).toBe(null);
});

it('gives way at the other end', () => {
  expect(loopFrom(steps, null, 1)).toEqual({ from: 100, to: 300 });
  expect(loopFrom(steps, { from: 0, to: 1 }, 2)).toEqual({ from: 200, to: 300 });
  expect(loopFrom(steps, null, 3)).toBe(null);
  expect(loopTo(steps, { from: 2, to: 3 }, 1)).toEqual({ from: 0, to: 100 });
  expect(loopTo(steps, { from: 1, to: 3 }, 2)).toEqual({ from: 100, to: 200 });
});

it('is written into the address and read back', () => {
  expect(parseLoop(formatLoop({ from: 100, to: 300 }))).toEqual({ from: 100, to: 300 });
  expect([parseLoop('300-100'), parseLoop('a-b'), parseLoop(undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
