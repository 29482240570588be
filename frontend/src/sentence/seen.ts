/** The first row to be seen of a list, so that a key is in view and, where there is room for both, a query: both in the
 * middle; else as many rows from the key towards the query as there is room for.
 * @param room number of rows that are seen */
export function scrollTo(key: number, query: number, room: number): number {
  if (Math.abs(key - query) < room) return Math.max(0, Math.floor((key + query + 1 - room) / 2));
  return Math.max(0, key < query ? key : key + 1 - room);
}
