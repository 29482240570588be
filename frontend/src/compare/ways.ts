import type { Way } from './compare.svelte';

/** What the ways of looking at two are called. */
export const WAY_NAMES: Readonly<Record<Way, string>> = {
  overlay: 'Overlay',
  beside: 'Side by side',
  difference: 'Difference of health',
};
