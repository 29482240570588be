import { describe, expect, it } from 'vitest';
import {
  columnLabel,
  describeBreak,
  describeProgress,
  describeSegment,
  headLabel,
  headTitle,
  runTitle,
  sinceStep,
  sinceSteps,
} from './labels';
import { layerOf } from './layer.fixture';
import type { Run } from './types';

const layer = (number: number, ...head_numbers: number[]) =>
  layerOf({ number, heads: head_numbers.length, head_numbers });

describe('labels', () => {
  it('name a head in full by the model’s own numbers', () => {
    expect(headTitle([layer(2, 0, 1), layer(5, 1, 7)], { layer: 1, head: 1 })).toBe('Layer 5 · Head 7');
  });

  it('are the numbers of the model, not positions', () => {
    const layers = [layer(2, 0, 1), layer(7, 1, 5)];
    expect(headLabel(layers, 1, 1)).toBe('L7 H5');
    expect(headLabel([], 3, 4)).toBe('L3 H4');
  });

  it('stand over a column only if they hold for all of it', () => {
    expect(columnLabel([layer(0, 3, 5), layer(1, 3, 6), layer(2, 3)], 0)).toBe('3');
    expect(columnLabel([layer(0, 3, 5), layer(1, 3, 6), layer(2, 3)], 1)).toBe('');
    expect(columnLabel([layer(0, 3, 5), layer(1, 3)], 1)).toBe('5');
  });

  it('say what is not shown of a run', () => {
    expect(describeSegment({ steps: [0, 100, 300], layers: 2, heads: 8, sequences: 5 })).toBe(
      'Not shown: steps 0 to 300, recorded with another model or probe (2 layers, 8 heads, 5 sequences)',
    );
  });
});

describe('a run among others', () => {
  const run = { run: 'a', steps: [0, 100], error: null } as unknown as Run;
  it('is called by its name, an earlier part with its steps', () => {
    expect(runTitle(run)).toBe('a');
    expect(runTitle({ ...run, run: '.' })).toBe('. (log directory)');
    expect(runTitle({ ...run, run: 'a, part 1', part_of: 'a' })).toBe('a, part 1 (0–100)');
    expect(runTitle({ ...run, error: 'damaged' })).toBe('a — cannot be shown');
  });
});

describe('since when something is so', () => {
  it('tells of what was there from the beginning that it was, and nothing where there is one step', () => {
    expect(sinceStep(0, [0, 100])).toBe('from the start');
    expect(sinceStep(550, [550, 600])).toBe('since before step 550');
    expect(sinceStep(1000, [0, 1000])).toBe('since step 1,000');
    expect(sinceStep(0, [0])).toBe('');
  });

  it('tells of several from the first of them to the last', () => {
    const steps = [0, 400, 575, 1000];
    expect(sinceSteps([575, 575], steps)).toBe('since step 575');
    expect(sinceSteps([575, 400, 1000], steps)).toBe('since steps 400–1,000');
    expect(sinceSteps([0, 0], steps)).toBe('from the start');
    expect(sinceSteps([575, 0], steps)).toBe('some from the start, all since 575');
    expect(sinceSteps([575, 400], steps.slice(1))).toBe('some before 400, all since 575');
    expect(sinceSteps([0], [0])).toBe('');
  });
});

describe('where a run was begun again', () => {
  it('says the very step where the one before it was recorded, or where all steps were begun again', () => {
    const of = (...steps: number[]) => ({ steps, layers: 2, heads: 8, sequences: 5 });
    expect(describeBreak([of(0, 99), of(100)])).toContain('Begun again at step 100 ');
    expect(describeBreak([of(0, 100), of(0, 100)])).toContain('Begun again at step 0 ');
    expect(describeBreak([of(0, 100, 200), of(150)])).toContain('between steps 100 and 150 ');
  });

  const part = { steps: [0, 100], layers: 2, heads: 8, sequences: 5 };
  const last = { ...part, steps: [1200, 1300] };
  const begun = 'Begun again between steps 100 and 1,200 with another';
  const unlisted = 'the earlier part is not listed here';
  it.each([
    { parts: [{ ...part, heads: 4 }, last], says: `${begun} model; ${unlisted}` },
    { parts: [{ ...part, sequences: 4 }, last], says: `${begun} probe; ${unlisted}` },
    { parts: [part, last], says: `${begun} model or probe; ${unlisted}` },
    { parts: [last], says: null },
    { parts: [], says: null },
  ])('says $says', ({ parts, says }) => {
    expect(describeBreak(parts)).toBe(says);
  });

  it('tells what the run tells, and several parts', () => {
    const told = 'begun again at step 1,150 with another model (4 → 6 heads a layer)';
    expect(describeBreak([part, part, last], told)).toBe(
      `B${told.slice(1)}; the earlier parts are not listed here`,
    );
    expect(describeBreak([part, last], told, true)).toBe(`B${told.slice(1)}`);
  });
});

it('says how far something is, or that it has not begun', () => {
  expect(describeProgress({ state: 'computing', done: 3, total: 16 })).toBe('computing, 3 of 16');
  expect(describeProgress({ state: 'computing', done: 0, total: 0 })).toBe('waiting for its turn');
});
