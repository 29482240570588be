/** What newly marked points do to those that are marked already. */
export type Marking = 'replace' | 'add' | 'remove';

export function combine(
  marked: readonly number[],
  found: readonly number[],
  how: Marking,
): readonly number[] {
  if (how === 'replace') return found;
  if (how === 'add') return [...new Set([...marked, ...found])];
  const gone = new Set(found);
  return marked.filter((point) => !gone.has(point));
}
