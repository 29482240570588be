import { meanDistance, offsetMap } from '../attention/reading';
import { weightsOf } from '../attention/weights';
import type { NpyArray } from '../base/npy';
import type { Patches } from '../run/grids';
import type { AttentionQuery, ImageSummary } from '../run/types';

/** What is asked for of an attention [queries, keys] that is here whole: the row of a query, [1, keys], the column of a
 * key, [queries, 1], or all of it. */
export function askedOf(whole: NpyArray, { query, key }: Pick<AttentionQuery, 'query' | 'key'>): NpyArray {
  const [queries = 0, keys = 0] = whole.shape;
  if (query !== undefined)
    return { shape: [1, keys], data: weightsOf(whole.data, keys, { side: 'query', token: query }) };
  if (key !== undefined)
    return { shape: [queries, 1], data: weightsOf(whole.data, keys, { side: 'key', token: key }) };
  return whole;
}

/** What it comes to over an image. */
export function summaryOf({ data }: NpyArray, patches: Patches): ImageSummary {
  return { offsets: offsetMap(data, patches), distance: meanDistance(data, patches) };
}
