import { expect, it } from 'vitest';
import { unusual } from './unusual';

it('tells of what is set behind ⋯, and of nothing that is not there', () => {
  const options = {
    top: 3,
    least: 0.05,
    hidesSpecial: true,
    hidesFirst: false,
    mean: false,
    weighing: { weight: 'values' } as const,
  };
  expect(unusual(options, true)).toEqual([
    'top 3 keys',
    'from 5 % on',
    'special tokens hidden',
    'weighed by ‖v‖',
  ]);
  expect(unusual(options, false)).toEqual(['special tokens hidden', 'weighed by ‖v‖']);
  // In a mean special tokens stay; a layer may have no norms to weigh by.
  expect(unusual({ ...options, mean: true, weighing: {} }, false)).toEqual([]);
});
