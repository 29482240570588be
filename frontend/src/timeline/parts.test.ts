import { describe, expect, it } from 'vitest';
import { type Listed, partsAround } from './parts';

const listed = (run: string, part_of: string | null, ...steps: number[]): Listed => ({ run, part_of, steps });
const newest = listed('demo', null, 600, 700, 1000);
const first = listed('demo, part 1', 'demo', 0, 100, 250);
const second = listed('demo, part 2', 'demo', 300, 500);
const RUNS = [newest, first, second, listed('other', null, 0, 50)];

describe('the parts beside the shown one', () => {
  it('are on one axis, each from its first step to that of the next', () => {
    const { parts, before, after, from, to } = partsAround(listed('demo', null, 200, 800), [
      listed('demo', null, 200, 800),
      listed('demo, part 1', 'demo', 0, 150),
    ]);
    expect(parts).toEqual([
      { run: 'demo, part 1', broken: [150, 200], from: 0, to: 200, at: 0, share: 0.25 },
    ]);
    expect([before, after, from, to]).toEqual([0.25, 0, 0, 800]);
  });

  it('take no more than half of the timeline, and show the steps that are nearest', () => {
    const { parts, before, from } = partsAround(newest, RUNS);
    expect([before, from]).toEqual([0.5, 200]);
    expect(parts.map(({ run, from, to, at }) => [run, from, to, at])).toEqual([
      ['demo, part 1', 200, 300, 0],
      ['demo, part 2', 300, 600, 0.125],
    ]);
  });

  it('stand on either side of one in the middle', () => {
    const { parts, before, after, from, to } = partsAround(second, RUNS);
    expect([from, to]).toEqual([225, 625]);
    expect([before, after]).toEqual([75 / 400, 125 / 400]);
    expect(parts.map(({ run, from, to, broken }) => [run, from, to, ...broken])).toEqual([
      ['demo, part 1', 225, 300, 250, 300],
      ['demo', 500, 625, 500, 600],
    ]);
  });

  it('know to which step the scalars are the shown one’s where a later one begins before it ends', () => {
    const [early, late] = [listed('demo, part 1', 'demo', 0, 100, 200, 300), listed('demo', null, 200, 400)];
    expect(partsAround(early, [early, late]).until).toBe(100); // begun again somewhere between 100 and 200
    expect(partsAround(late, [early, late]).until).toBe(Number.POSITIVE_INFINITY);
    expect(partsAround(late, [early, late]).parts[0]?.broken).toEqual([100, 200]);
    expect(partsAround(second, RUNS).until).toBe(Number.POSITIVE_INFINITY);
  });

  it('are none where there is one part, one step, or where steps were begun again from the first', () => {
    expect(partsAround(newest, [newest]).parts).toEqual([]);
    expect(partsAround(listed('demo', null, 600), RUNS).parts).toEqual([]);
    const again = listed('demo', null, 0, 400);
    expect(partsAround(again, [again, first])).toEqual({
      parts: [],
      before: 0,
      after: 0,
      from: 0,
      to: 400,
      until: Number.POSITIVE_INFINITY,
    });
  });
});
