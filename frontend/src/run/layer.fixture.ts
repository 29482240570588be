import type { Layer } from './types';

/** A layer of one head whose queries and keys are the probe's own five tokens, but for `parts`; for tests. */
export function layerOf(parts: Partial<Layer>): Layer {
  return {
    name: 'a',
    number: 0,
    heads: 1,
    head_numbers: [0],
    kv_heads: 1,
    head_dim: 4,
    causal: false,
    attends: 'self',
    queries_of: 'tokens',
    keys_of: 'tokens',
    queries: 5,
    keys: 5,
    query_grid: null,
    key_grid: null,
    ...parts,
  };
}
