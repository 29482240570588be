import { expect, it } from 'vitest';
import { sharpestQuery } from './sharpest';

const none = [false, false, false, false];

it('is the query with the heaviest key, of those that see enough keys', () => {
  const weights = Float32Array.of(1, 0, 0, 0, 0.1, 0.9, 0, 0, 0.2, 0.5, 0.3, 0, 0.1, 0.1, 0.2, 0.6);
  expect(sharpestQuery(weights, { query: none, key: none })).toBe(3); // query 1 sees two keys alone
  expect(sharpestQuery(weights, { query: none, key: [false, false, false, true] })).toBe(2);
  expect(sharpestQuery(weights, { query: [true, true, true, true], key: none })).toBe(null);
});

it('is none where all keys get alike', () => {
  expect(sharpestQuery(new Float32Array(16).fill(0.25), { query: none, key: none })).toBe(null);
});
