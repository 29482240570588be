import type { Key } from '../widgets/keys';

/** Heard wherever nothing else is typed. */
export const SEARCH_KEYS: readonly Key<{ start(): void }>[] = [
  { keys: ['/'], name: '/', does: 'search tokens; there, Esc ends the search', act: (box) => box.start() },
];
