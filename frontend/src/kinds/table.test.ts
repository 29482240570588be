import { describe, expect, it } from 'vitest';
import type { LabelAttention } from '../run/label_attention';
import { textOf } from '../run/run.fixture';
import { clearest, rowsOf, tableLabels } from './table';

const TABLE: LabelAttention = {
  ...{ run: 'a', step: 0, layer: 0, head: 1, label: 'tag' },
  query_labels: ['VERB', 'NOUN', ''],
  key_labels: ['VERB', 'NOUN'],
  attention: [
    [0.2, 0.8],
    [0.6, 0.4],
    [null, null],
  ],
  even: [
    [0.5, 0.5],
    [0.5, 0.5],
    [null, null],
  ],
  queries: [3, 5, 0],
};

describe('a table from kind to kind', () => {
  it('is sorted by a column, and what is not known comes last', () => {
    const order = (sorted: number | null) => rowsOf(TABLE, sorted).map(({ label }) => label);
    expect([order(null), order(0), order(1)]).toEqual([
      ['VERB', 'NOUN', ''],
      ['NOUN', 'VERB', ''],
      ['VERB', 'NOUN', ''],
    ]);
    expect(rowsOf(TABLE, null)[0]?.cells).toEqual([
      { share: 0.2, even: 0.5, stands: false },
      { share: 0.8, even: 0.5, stands: true },
    ]);
  });

  it('says what stands out most', () => {
    expect(clearest(TABLE)).toMatchObject({ from: 'VERB', to: 'NOUN', share: 0.8 });
    expect(clearest({ ...TABLE, attention: TABLE.even })).toBeNull();
  });

  it('is of labels that sort tokens into few kinds', () => {
    const labels = {
      tag: ['D', 'N', ''],
      length: [1, 2, 3],
      year: [1, 'NaN', 3],
      all: ['x', 'x', 'x'],
    };
    const many = textOf('a '.repeat(50).trim(), {
      labels: { word: Array.from({ length: 50 }, (_, i) => `w${i}`) },
    });
    expect(tableLabels([textOf('a b c', { labels }), many])).toEqual(['tag']);
    const patches = textOf('1 2', { labels: { object: ['sky', 'sea'] } });
    expect(tableLabels([textOf('a', { key_tokens: patches })])).toEqual(['object']);
  });
});
