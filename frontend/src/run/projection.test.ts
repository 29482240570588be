import { describe, expect, it } from 'vitest';
import {
  address,
  addressKey,
  DEFAULT_PROJECTION,
  type Projection,
  parseWithin,
  RANGES,
  readProjection,
  writeProjection,
} from './projection';

const changed: Projection = {
  method: 'tsne',
  normalise: 'paper',
  attention: 0.5,
  perplexity: 12.5,
  neighbours: 40,
  min_dist: 0,
  metric: 'euclidean',
  seed: 7,
};

describe('a projection', () => {
  it('is asked for by its method and all parameters that the method has', () => {
    expect(address(DEFAULT_PROJECTION)).toEqual({ projection: 'biplot', normalise: 'canonical' });
    expect(address({ ...DEFAULT_PROJECTION, method: 'umap', min_dist: 0.5 })).toEqual({
      projection: 'umap',
      neighbours: 15,
      min_dist: 0.5,
      metric: 'cosine',
      seed: 0,
      normalise: 'canonical',
    });
    expect(address({ ...changed, method: 'attention' })).toEqual({
      projection: 'attention',
      attention: 0.5,
      perplexity: 12.5,
      metric: 'euclidean',
      normalise: 'paper',
    });
    expect(address(changed)).toEqual({
      projection: 'tsne',
      perplexity: 12.5,
      metric: 'euclidean',
      seed: 7,
      normalise: 'paper',
    });
  });

  it('is the same picture whatever the other methods’ parameters are', () => {
    expect(addressKey({ ...changed, neighbours: 3 })).toBe(addressKey(changed));
    expect(addressKey({ ...changed, perplexity: 3 })).not.toBe(addressKey(changed));
  });

  it('is written into a link and read back, the defaults unsaid', () => {
    expect(writeProjection(DEFAULT_PROJECTION)).toEqual({});
    expect(readProjection(new Map(Object.entries(writeProjection(changed))))).toEqual(changed);
  });

  it('takes nothing from a link that cannot be', () => {
    const found = {
      projection: 'lda',
      perplexity: '1',
      neighbours: '2.5',
      min_dist: 'x',
      metric: '',
      seed: '-1',
    };
    expect(readProjection(new Map(Object.entries(found)))).toEqual(DEFAULT_PROJECTION);
  });
});

describe('parseWithin', () => {
  it('takes both ends of the range and nothing beyond', () => {
    expect(['2', '500', ' 12.5 ', '1e2'].map((text) => parseWithin(RANGES.perplexity, text))).toEqual([
      2, 500, 12.5, 100,
    ]);
    for (const text of ['1.9', '501', '', '-3', 'NaN', '0x10', '3,5']) {
      expect(parseWithin(RANGES.perplexity, text)).toBeNull();
    }
    expect(parseWithin(RANGES.neighbours, '2.5')).toBeNull();
  });
});
