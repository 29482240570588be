import type { Link } from '../attention/reading';
import type { Side } from '../attention/side';
import { weightsOf } from '../attention/weights';

/** Lines between words and the patches of an image: [queries, keys] weights, of which one side has places in it. */

/** From each token of a side to the strongest one of the other that has a place. */
export function strongestBridges(
  weights: Float32Array,
  size: Readonly<Record<Side, number>>,
  from: Side,
  isPlaced: (other: number) => boolean,
): Link[] {
  const bridges: Link[] = [];
  for (let token = 0; token < size[from]; token++) {
    const own = weightsOf(weights, size.key, { side: from, token });
    let best: number | null = null;
    own.forEach((weight, at) => {
      if (isPlaced(at) && Math.abs(weight) > Math.abs(own[best ?? -1] ?? 0)) best = at;
    });
    if (best === null) continue;
    const [query, key] = from === 'query' ? [token, best] : [best, token];
    bridges.push({ query, key, weight: own[best] ?? 0 });
  }
  return bridges;
}

/** All of at least so much weight, the weakest first: the strongest lie on top.
 * @param most that are returned, the strongest ones */
export function bridgesOf(weights: Float32Array, keys: number, least: number, most: number): Link[] {
  const found: Link[] = [];
  weights.forEach((weight, i) => {
    if (weight !== 0 && Math.abs(weight) >= least)
      found.push({ query: Math.floor(i / keys), key: i % keys, weight });
  });
  return found.sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight)).slice(-most);
}
