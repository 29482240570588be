import { describe, expect, it } from 'vitest';
import { cutInMiddle, shortNames } from './short_names';

describe('short names', () => {
  it('are cut in the middle: how they begin and end tells most', () => {
    expect(cutInMiddle('translate-english-to-german', 11)).toBe('trans…erman');
    expect(cutInMiddle('translate-english-to-german', 12)).toBe('transl…erman');
    expect(cutInMiddle('short', 5)).toBe('short');
  });

  it('never look alike', () => {
    const names = ['model-lr-0.001-seed-0-final', 'model-lr-0.002-seed-0-final', 'other'];
    const shown = shortNames(names, 14);
    expect(shown).toEqual(['….001-s…-final', '….002-s…-final', 'other']);
    expect(new Set(shown).size).toBe(3);
    expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(14);
  });
});
