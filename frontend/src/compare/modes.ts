import type { Mode } from './compare.svelte';

/** What the ways to compare are called. */
export const MODE_NAMES: Readonly<Record<Mode, string>> = {
  overlay: 'Overlay',
  beside: 'Side by side',
  difference: 'Difference of health',
};
