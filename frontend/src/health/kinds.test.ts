import { expect, it } from 'vitest';
import { KINDS_TOLD } from './kinds';

it('tells from when on a head is of a kind, and until when', () => {
  const reads = new Map(KINDS_TOLD.map((kind) => [kind.title, kind.reads]));
  expect(reads.get('local')).toBe(
    'up to 4 tokens or 1 patch away, at no one distance: 50 % or more, until under 40 %',
  );
  expect(reads.get('dead')).toMatch(/: 0\.0001 or less, until over 0\.001$/);
});
