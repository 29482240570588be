import { handleKey } from '../widgets/keys';
import { EVERYWHERE, type Needs } from './keys';

/** What keys do wherever the focus is, unless it is where something is typed, or what has it knows the key itself. */
export function shortcut(session: Needs, event: KeyboardEvent): void {
  const { target } = event;
  if (target instanceof Element && target.closest('input, select, textarea')) return;
  if (document.querySelector("[popover='auto']:popover-open")) return; // Escape closes it; under the guide all goes on
  if (event.defaultPrevented) return;
  handleKey(EVERYWHERE, session, event);
}
