/** By layer, by name, alike ones together, or the id of a score. */
export type Order = 'layer' | 'name' | (string & {});

/** Scores show their greatest heads first, names and places their first ones, unless turned around. */
export function isDescending(by: Order): boolean {
  return by !== 'name' && by !== 'together';
}
