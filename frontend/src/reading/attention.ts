import type { TokenPlace } from '../attention/side';
import type { NpyArray } from '../base/npy';
import type { DataSource } from '../run/source';
import type { AttentionQuery } from '../run/types';

/** An answer: the whole matrix, or the row of one query, or the column of one key. */
export interface Attention extends NpyArray {
  readonly of: TokenPlace | null;
}

export async function fetchedAttention(
  source: Pick<DataSource, 'attention'>,
  query: AttentionQuery,
  signal?: AbortSignal,
): Promise<Attention> {
  const answer = await source.attention(query, signal);
  if (query.query !== undefined) return { ...answer, of: { side: 'query', token: query.query } };
  if (query.key !== undefined) return { ...answer, of: { side: 'key', token: query.key } };
  return { ...answer, of: null };
}
