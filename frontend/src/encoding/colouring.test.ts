import { describe, expect, it } from 'vitest';
import type { TokenValues } from '../render/scale';
import { scaleOf } from '../render/scale';
import { indexTokens } from '../run/places';
import type { Sequence } from '../run/types';
import { colouringsOf } from './colouring';
import { labelValues } from './of_labels';
import { classOf } from './of_tokens';

const text = (line: string, labels?: Sequence['labels']): Sequence => ({
  kind: 'text',
  tokens: line.split(' '),
  repeat: null,
  ...(labels && { labels }),
});
const probe = (...sequences: Sequence[]) => indexTokens({ run: 'run', sequences });

function valuesOf(id: string, ...sequences: Sequence[]): (string | number)[] {
  const index = probe(...sequences);
  const origin = colouringsOf(index).find((colouring) => colouring.id === id)?.origin;
  return said(origin?.kind === 'tokens' ? origin.values(index) : undefined);
}

function said(values: TokenValues | undefined): (string | number)[] {
  if (values?.kind === 'names') return [...values.of].map((name) => values.names[name] ?? '?');
  return [...(values?.of ?? [])];
}

describe('colourings of tokens', () => {
  const two = [text('[CLS] the cat , the mat'), text('the 12 ##ing')];
  it.each([
    ['position', [0, 1, 2, 3, 4, 5, 0, 1, 2]],
    ['mod5', ['0', '1', '2', '3', '4', '0', '0', '1', '2']],
    ['sequence', ['0', '0', '0', '0', '0', '0', '1', '1', '1']],
    ['sentence_length', [6, 6, 6, 6, 6, 6, 3, 3, 3]],
    ['token_length', [Number.NaN, 3, 3, 1, 3, 3, 3, 2, 3]],
    ['frequency', [1, 3, 1, 1, 3, 1, 3, 1, 1]],
    ['class', ['special', 'word', 'word', 'punctuation', 'word', 'word', 'word', 'number', 'within a word']],
  ])('%s', (id, expected) => {
    expect(valuesOf(id, ...two)).toEqual(expected);
  });

  it.each([
    ['Ġthe', 'word'],
    ['▁naïve', 'word'],
    ['don’t', 'word'],
    ['Ċ', 'punctuation'],
    ['...', 'punctuation'],
    ['Ġ3.14', 'number'],
    ['<|endoftext|>', 'special'],
    ['[MASK]', 'special'],
    ['<unk>', 'special'],
    ['=>', 'symbol'],
    ['√', 'symbol'],
  ] as const)('calls %s a %s', (token, name) => {
    expect(classOf(token)).toBe(name);
  });

  it('has one for all that is asked of a head view, in its group', () => {
    const groups = new Map<string, string[]>();
    for (const { id, group } of colouringsOf(probe(text('a b', { tag: ['X', 'Y'] })))) {
      groups.set(group, [...(groups.get(group) ?? []), id]);
    }
    expect([...groups]).toEqual([
      ['Token', ['kind', 'token_length', 'frequency', 'class']],
      ['Sequence', ['position', 'mod5', 'sequence', 'sentence_length']],
      ['Labels', ['label:tag']],
      ['Head’s own', ['norm', 'max_logit', 'entropy', 'first', 'received', 'attracted']],
      ['Error', ['missed_keys', 'false_neighbours', 'tears']],
    ]);
  });

  it('has the norms of values where they were recorded', () => {
    expect(colouringsOf(null).some(({ id }) => id === 'value_norm')).toBe(false);
    expect(colouringsOf(null, true).some(({ id }) => id === 'value_norm')).toBe(true);
  });
});

describe('labels that were given with the probe', () => {
  it('are categories where any is a word; sequences without are not known', () => {
    const index = probe(
      text('a b', { tag: ['VERB', 'NOUN'] }),
      text('c'),
      text('d e', { tag: ['', 'VERB'] }),
    );
    expect(said(labelValues(index, 'tag'))).toEqual(['VERB', 'NOUN', '?', '?', 'VERB']);
  });

  it('are numbers where all that is known are numbers', () => {
    const index = probe(text('a b', { surprise: [0.5, 'NaN'] }), text('c'));
    expect(labelValues(index, 'surprise')).toEqual({
      kind: 'numbers',
      of: Float64Array.of(0.5, Number.NaN, Number.NaN),
      unit: '',
    });
  });

  it('are hues, which go around, where that is their name', () => {
    const values = labelValues(probe(text('a b', { hue: [20, 300] })), 'hue');
    expect(scaleOf(values, 8)).toMatchObject({ kind: 'range', low: 0, high: 360, hue: true });
  });
});
