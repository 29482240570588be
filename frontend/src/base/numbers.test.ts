import { expect, it } from 'vitest';
import { grouped, stepName } from './numbers';

it('numbers have their thousands grouped', () => {
  expect([0, 999, 12500, -1234567].map(grouped)).toEqual(['0', '999', '12,500', '-1,234,567']);
  expect(grouped(null)).toBe('0');
  expect(stepName(12500)).toBe('step 12,500');
});
