/** Attention of one head within one sequence, [queries, keys] row by row: rows are queries, columns are keys. Both are
 * the same tokens in most layers; in others they differ, and in number too. */

/** A query and a key; null where a label stands for one of them alone. */
export interface Pair {
  readonly query: number | null;
  readonly key: number | null;
}

/** Which tokens are left out, on each side. */
export interface Gone {
  readonly query: readonly boolean[];
  readonly key: readonly boolean[];
}

/** The weights without some tokens: what each query gave to the keys that are gone goes to those that are left, in
 * proportion, so that its row sums to what it summed to. A query that has nothing left, or is gone, has only zeros. */
export function without(weights: Float32Array, { query, key }: Gone): Float32Array {
  if (!query.includes(true) && !key.includes(true)) return weights;
  const keys = key.length;
  const left = new Float32Array(weights.length);
  for (let i = 0; i < query.length; i++) {
    if (query[i]) continue;
    let [whole, rest] = [0, 0];
    for (let j = 0; j < keys; j++) {
      const weight = weights[i * keys + j] ?? 0;
      whole += weight;
      if (!key[j]) rest += weight;
    }
    if (rest === 0) continue;
    for (let j = 0; j < keys; j++) {
      if (!key[j]) left[i * keys + j] = ((weights[i * keys + j] ?? 0) * whole) / rest;
    }
  }
  return left;
}

/** How much more `a` looks there than `b`. */
export function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((weight, i) => weight - (b[i] ?? 0));
}

/** The weights with all but each query's `top` largest ones (0: all) set to 0, and those below `least`, in magnitude. */
export function strongest(weights: Float32Array, keys: number, top: number, least: number): Float32Array {
  if (least <= 0 && (top <= 0 || top >= keys)) return weights;
  const kept = new Float32Array(weights.length);
  for (let start = 0; start < weights.length; start += keys) {
    const row = weights.subarray(start, start + keys).map(Math.abs);
    const bar = Math.max(least, top > 0 ? (row.toSorted()[keys - top] ?? 0) : 0);
    let room = top > 0 ? top : keys;
    // First what lies above the bar, then as many of those on it as there is room for.
    for (const equal of [false, true]) {
      for (let j = 0; j < keys && room > 0; j++) {
        const weight = row[j] ?? 0;
        if (weight === 0 || (equal ? weight !== bar : weight <= bar)) continue;
        kept[start + j] = weights[start + j] ?? 0;
        room--;
      }
    }
  }
  return kept;
}

/** What a query gives to each key, or a key gets of each query.
 * @param keys how many there are, in each row of the weights */
export function weightsOf(
  weights: Float32Array,
  keys: number,
  { side, token }: { readonly side: 'query' | 'key'; readonly token: number },
): Float32Array {
  if (side === 'query') return weights.slice(token * keys, (token + 1) * keys);
  const queries = keys > 0 ? weights.length / keys : 0;
  return Float32Array.from({ length: queries }, (_, query) => weights[query * keys + token] ?? 0);
}

/** What rounds to 100 %, and what is it but for single precision. */
const NEARLY_ALL = 0.995;
const ALL = 1 - 1e-6;

/** A share as people read it: 24 %, 3.1 %; what rounds to nothing is 0 %, and what is not all is no 100 %. */
export function percent(weight: number): string {
  const size = Math.abs(weight);
  return size >= NEARLY_ALL && size < ALL ? '>99 %' : rounded(size);
}

function rounded(size: number): string {
  const digits = size >= 0.0995 || size < 0.0005 ? 0 : 1;
  return `${(100 * size).toFixed(digits)} %`;
}

/** The same of a difference, rounded, with its sign. */
export function signedPercent(weight: number): string {
  const text = rounded(Math.abs(weight));
  return text === '0 %' ? text : `${weight > 0 ? '+' : '−'}${text}`;
}
