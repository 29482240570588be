import { describe, expect, it } from 'vitest';
import { isOurs, ownPairs, readLink, readTab, writeLink } from './url';

describe('the address', () => {
  it('says its pairs and is read back', () => {
    const said = {
      run: 'a b/ü&=',
      find: '"a b", micro* /^[0-9]+$/&',
      only_label: 'part%20of%20speech:NOUN|X%3B',
    };
    expect(Object.fromEntries(readLink(writeLink('#attnviz', said)))).toEqual(said);
    expect(Object.fromEntries(readLink(writeLink('', { step: '9' })))).toEqual({ step: '9' });
  });

  it('holds half of a surrogate pair, as a token may be, as a sign that stands for it', () => {
    const link = writeLink('#attnviz', { find: 'a\ud83d b', step: '9' });
    expect(Object.fromEntries(readLink(link))).toEqual({ find: 'a\ufffd b', step: '9' });
  });

  it('leaves what TensorBoard keeps there as it was', () => {
    const hash = '#attnviz&_smoothingWeight=0.6&p.attnviz.step=5&p.other.run=x&odd%zz=1';
    expect(writeLink(hash, { step: '9' })).toBe(
      '#attnviz&_smoothingWeight=0.6&p.other.run=x&odd%zz=1&p.attnviz.step=9',
    );
  });

  it('knows whose tab is shown', () => {
    expect(readTab('#scalars&a=b')).toBe('scalars');
    expect(isOurs('#scalars&p.attnviz.step=3')).toBe(false);
    expect(isOurs('#attnviz&x=1')).toBe(true);
    expect(isOurs('')).toBe(true);
  });

  it('is the same however its pairs are encoded and ordered', () => {
    expect(ownPairs('#attnviz&p.attnviz.run=a%2Fb&x=1&p.attnviz.step=5')).toBe(
      ownPairs('#p.attnviz.step=5&p.attnviz.run=a/b'),
    );
    expect(ownPairs('#scalars&x=1')).toBe('');
  });
});
