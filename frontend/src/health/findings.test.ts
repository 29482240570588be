import { describe, expect, it } from 'vitest';
import { findingsAt, nameable } from './findings';
import { readHealth } from './health';

/** Two layers of one and two heads. */
const health = (figures: Record<string, number[][]>) =>
  readHealth({ run: 'a', heads: [1, 2], steps: [0, 100, 200, 300], figures });

describe('what heads can be called', () => {
  const known = health({
    entropy: [
      [0.9, 0.9, 0.9],
      [0.9, 0.9, 0.9],
      [0.9, 0.9, 0.9],
      [0.9, 0.9, 0.9],
    ],
    previous: [
      [0.5, 0.1, 0.1],
      [0.3, 0.1, 0.1],
      [0.6, 0.1, 0.1],
      [0.7, 0.1, 0.4],
    ],
    induction: [
      [0, 0, 0],
      [0, 0.2, 0],
      [0, 0.4, 0.5],
      [0, 0.6, 0.9],
    ],
  });

  it('names the clearest head first, and what training forms before what it finds', () => {
    const named = findingsAt(known, 300).map(({ title, heads }) => [
      title,
      heads.map(({ number }) => number),
    ]);
    expect(named).toEqual([
      ['Induction', [2, 1]],
      ['Previous token', [0, 2]],
    ]);
  });

  it('says since when without a break', () => {
    const [induction, previous] = findingsAt(known, 300);
    expect(induction?.heads.map(({ since }) => since)).toEqual([200, 200]);
    expect(previous?.heads.map(({ since }) => since)).toEqual([200, 300]); // head 0 stopped at 100
    expect(findingsAt(known, 0)).toMatchObject([
      { figure: 'previous', heads: [{ number: 0, value: 0.5, since: 0 }] },
    ]);
  });

  it('names none where nothing is known', () => {
    expect(findingsAt(known, 150)).toEqual([]); // not recorded
    expect(findingsAt(health({ induction: [[Number.NaN, Number.NaN, Number.NaN]] }), 0)).toEqual([]);
    expect(findingsAt(new Map(), 0)).toEqual([]);
    expect([nameable(known), nameable(health({ entropy: [[1, 1, 1]] }))]).toEqual([true, false]);
  });
});
