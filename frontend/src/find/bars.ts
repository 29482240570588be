import type { Session } from '../app/session.svelte';

/** Whether the bar of found tokens has anything to say; marked points have a bar of their own in the head view. */
export function saysFound({ search, filter, marks, focus: { opened } }: Session): boolean {
  return search.text.trim() !== '' || filter.parts.length > 0 || (marks.group !== null && !opened);
}
