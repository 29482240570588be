import { describe, expect, it } from 'vitest';
import { meanOf, positionNames, positionOf } from './mean_positions';

const texts = (...lengths: number[]) =>
  lengths.map((length) => ({ tokens: Array.from({ length }, String), repeat: null }));
const repeated = (...lengths: number[]) =>
  texts(...lengths).map((text) => ({ ...text, repeat: { start: 0, period: 2 } }));

describe('the positions of a mean', () => {
  it('are counted from both ends where sequences differ in length', () => {
    expect(positionNames([3, 5])).toEqual(['0', '1', '2', '−2', '−1']);
    expect(positionNames([2, 4])).toEqual(['0', '1', '−2', '−1']);
    expect(meanOf(texts(3, 5), 'sequence')).toBe(
      'mean of 2 sequences of 3–5 tokens: the first half counted from the start, the rest from the end (−1 is the last); the middle is of the longest alone',
    );
  });

  it('are of the kinds of sequences that there are', () => {
    expect(meanOf([...texts(4, 4), ...repeated(4)], 'sequence')).toBe('mean of 2 texts and 1 repeated text');
    expect(meanOf(repeated(4, 4), 'sequence')).toBe('mean of 2 repeated texts');
    expect(meanOf([], 'sequence')).toBe('mean of 0 sequences');
  });

  it('are those of the tokens of each sequence, from both ends', () => {
    expect([0, 1, 2].map((token) => positionOf(token, 3, 10))).toEqual([0, 1, 9]);
    expect([0, 1, 2, 3].map((token) => positionOf(token, 4, 4))).toEqual([0, 1, 2, 3]);
  });

  it('are counted from the first one where they do not', () => {
    expect(positionNames([3, 3])).toEqual(['0', '1', '2']);
    expect(positionNames([])).toEqual([]);
    expect(meanOf(texts(3, 3), 'image')).toBe('mean of 2 images');
  });
});
