/** Keys that a row must see for its greatest weight to say anything. */
const FEWEST = 3;

/** The query that rests most on one key, beyond what it had if it gave all keys that it sees alike; null where none does.
 * @param weights [queries, keys] row by row; what a query does not see is 0
 * @param passed queries, and keys, that show nothing of what a head does */
export function sharpestQuery(
  weights: Float32Array,
  passed: { readonly query: readonly boolean[]; readonly key: readonly boolean[] },
): number | null {
  const keys = passed.key.length;
  let [found, most]: [number | null, number] = [null, 0];
  passed.query.forEach((pass, query) => {
    if (pass) return;
    const row = weights.subarray(query * keys, (query + 1) * keys);
    const seen = row.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0);
    if (seen < FEWEST) return;
    const greatest = row.reduce((best, weight, key) => (passed.key[key] ? best : Math.max(best, weight)), 0);
    const beyond = (greatest - 1 / seen) / (1 - 1 / seen);
    if (beyond > most) [found, most] = [query, beyond];
  });
  return found;
}
