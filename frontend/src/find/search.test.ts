import { describe, expect, it } from 'vitest';
import { lastTerm, MOST_TERMS, parseSearch, quote, withoutTerm } from './search';

const TOKENS = [
  'the',
  'The',
  'Ġthe',
  '▁they',
  '##ing',
  'ing',
  '1905',
  '05',
  '/',
  ',',
  '"',
  'micro',
  'a/b',
  '*',
  'the cat',
];
const found = (text: string, matchCase = false) => {
  const { terms } = parseSearch(text, matchCase);
  return TOKENS.filter((token) => terms.some(({ matches }) => matches(token)));
};

describe('a term', () => {
  it('is a whole token as people read it, small or large letters', () => {
    expect(found('the')).toEqual(['the', 'The', 'Ġthe']);
    expect(found('the', true)).toEqual(['the', 'Ġthe']);
  });

  it('is what tokens begin with when a star ends it', () => {
    expect(found('the*')).toEqual(['the', 'The', 'Ġthe', '▁they', 'the cat']);
    expect(found('*')).toEqual(['*']);
  });

  it('is a regular expression between slashes', () => {
    expect(found('/^[0-9]+$/')).toEqual(['1905', '05']);
    expect(found(String.raw`/\//`)).toEqual(['/', 'a/b']);
    expect(found('/^T/', true)).toEqual(['The']);
    expect(found('/t{2,3}, x/')).toEqual([]);
    expect(found('/')).toEqual(['/']);
  });

  it('holds spaces and commas in quotes, and means them as they stand', () => {
    expect(found('"the cat"')).toEqual(['the cat']);
    expect(found('","')).toEqual([',']);
    expect(found('"*"')).toEqual(['*']);
    expect(found('"')).toEqual(['"']);
  });

  it('finds continued words, and only these where it is written with their mark', () => {
    expect(found('ing')).toEqual(['##ing', 'ing']);
    expect(found('##ing')).toEqual(['##ing']);
    expect(found('##*')).toEqual(['##ing']);
  });
});

describe('a search', () => {
  it('has several terms, each once', () => {
    const { terms, error } = parseSearch('ing, 05  /^a/ ing', false);
    expect(terms.map(({ source }) => source)).toEqual(['ing', '05', '/^a/']);
    expect(error).toBeNull();
    expect(parseSearch(' , ', false)).toEqual({ terms: [], error: null });
  });

  it('says what is wrong with an expression and keeps the other terms', () => {
    const { terms, error } = parseSearch('the /(/', false);
    expect(terms.map(({ source }) => source)).toEqual(['the']);
    expect(error).toBe('/(/ is no regular expression: Unterminated group.');
  });

  it('has no more terms than there are hues, and says so', () => {
    const { terms, error } = parseSearch('a b c d e f g', false);
    expect(terms).toHaveLength(MOST_TERMS);
    expect(error).toContain('first 6 terms');
  });

  it('is edited by term', () => {
    expect(lastTerm('the, mic')).toEqual({ from: 5, text: 'mic' });
    expect(lastTerm('the ')).toEqual({ from: 4, text: '' });
    expect(withoutTerm('the, "a b" c*', '"a b"')).toBe('the c*');
  });

  it('finds any token by its quoted text', () => {
    for (const token of ['the', ',', 'micro*', 'the cat', '/a/', '*', '"']) {
      const { terms } = parseSearch(quote(token), true);
      expect(
        terms.map(({ matches }) => matches(token)),
        token,
      ).toEqual([true]);
      expect(terms[0]?.matches(`${token}s`)).toBe(false);
    }
  });
});
