import { describe, expect, it } from 'vitest';
import { isSpecial } from '../run/special';
import { difference, percent, signedPercent, strongest, without } from './weights';

const weights = Float32Array.from([1, 0, 0, 0.75, 0.25, 0, 0.5, 0.125, 0.375]);
const both = (gone: boolean[]) => ({ query: gone, key: gone });
const rounded = (array: Float32Array) => [...array].map((x) => Math.round(1e4 * x) / 1e4);

describe('attention of a sentence', () => {
  it('is renormalised over the tokens that are left', () => {
    expect(rounded(without(weights, both([true, false, false])))).toEqual([0, 0, 0, 0, 1, 0, 0, 0.25, 0.75]);
    expect(without(weights, both([false, false, false]))).toBe(weights);
    // A query that saw only what is gone has nothing left.
    expect(rounded(without(weights, both([true, true, false])))).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('is renormalised over the keys that are left where these are other tokens', () => {
    const cross = Float32Array.from([0.5, 0.25, 0.25, 0.1, 0.9, 0]); // two queries, three keys
    const gone = { query: [false, true], key: [true, false, false] };
    expect(rounded(without(cross, gone))).toEqual([0, 0.5, 0.5, 0, 0, 0]);
    expect(rounded(strongest(cross, 3, 1, 0))).toEqual([0.5, 0, 0, 0, 0.9, 0]);
  });

  it('keeps what a row of a mean sums to', () => {
    const mean = Float32Array.from([0.5, 0, 0.2, 0.2]);
    expect(rounded(without(mean, both([false, true])))).toEqual([0.5, 0, 0, 0]);
    expect(rounded(without(mean, both([true, false])))).toEqual([0, 0, 0, 0.4]);
  });

  it('shows the strongest keys of each query, by magnitude', () => {
    expect(rounded(strongest(weights, 3, 1, 0))).toEqual([1, 0, 0, 0.75, 0, 0, 0.5, 0, 0]);
    expect(rounded(strongest(weights, 3, 2, 0.3))).toEqual([1, 0, 0, 0.75, 0, 0, 0.5, 0, 0.375]);
    expect(rounded(strongest(weights, 3, 0, 0.2))).toEqual([1, 0, 0, 0.75, 0.25, 0, 0.5, 0, 0.375]);
    expect(strongest(weights, 3, 0, 0)).toBe(weights);
    expect(rounded(strongest(Float32Array.from([-0.5, 0.25, 0.1, 0.1]), 2, 1, 0))).toEqual([-0.5, 0, 0.1, 0]);
  });

  it('is compared by subtraction', () => {
    expect(rounded(difference(weights, weights))).toEqual(new Array(9).fill(0));
    expect(rounded(difference(Float32Array.from([1, 0]), Float32Array.from([0.25, 0.75])))).toEqual([
      0.75, -0.75,
    ]);
  });

  it('is read in per cent', () => {
    expect([0.236, 0.0312, 0.0001, 0, 1].map(percent)).toEqual(['24 %', '3.1 %', '0 %', '0 %', '100 %']);
    expect([0.9949, 0.996, 0.99999, 1 - 1e-7].map(percent)).toEqual(['99 %', '>99 %', '>99 %', '100 %']);
    expect([0.236, -0.0312, 0.0001].map(signedPercent)).toEqual(['+24 %', '−3.1 %', '0 %']);
  });
});

it('knows the tokens that a tokenizer adds', () => {
  const added = ['[CLS]', '[SEP]', '<s>', '</s>', '<|endoftext|>', '[PAD]', '<bos>', '<pad>', '<|im_start|>'];
  expect(added.every(isSpecial)).toBe(true);
  expect(['CLS', '[MASK]', '<unk>', 's', '<', '|', '[', 'bos'].some(isSpecial)).toBe(false);
});
