import type { Focus } from '../run/focus.svelte';
import type { Marks } from './marks.svelte';
import type { TokenSearch } from './search.svelte';
import type { TokenFilter } from './token_filter.svelte';

interface Needs {
  readonly search: Pick<TokenSearch, 'text'>;
  readonly filter: Pick<TokenFilter, 'parts'>;
  readonly marks: Pick<Marks, 'group'>;
  readonly focus: Pick<Focus, 'opened'>;
}

/** Whether the bar of found tokens has anything to say; marked points have a bar of their own in the head view. */
export function hasFound({ search, filter, marks, focus: { opened } }: Needs): boolean {
  return search.text.trim() !== '' || filter.parts.length > 0 || (marks.group !== null && !opened);
}
