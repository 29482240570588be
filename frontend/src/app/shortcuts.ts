import type { Session } from './session.svelte';

/** What keys do wherever the focus is, unless it is where something is typed, or what has it knows the key itself. */
export function shortcut(session: Session, event: KeyboardEvent): void {
  const { playback, against } = session;
  const { target } = event;
  // Brackets need AltGr on many keyboards, which counts as Ctrl and Alt.
  const commands = event.ctrlKey || event.metaKey || event.altKey;
  if (commands && !event.getModifierState('AltGraph')) return;
  if (target instanceof Element && target.closest('input, select, textarea')) return;
  if (document.querySelector(':popover-open')) return; // Escape closes it
  if (event.defaultPrevented) return;
  if (event.key === 'Escape' && (session.focus.opened || session.marks.group)) {
    session.back();
  } else if (event.key === 'Escape' && against.run) {
    against.clear();
  } else if (event.key === ' ' && !(target instanceof Element && target.closest('button, a, summary'))) {
    playback.toggle();
  } else if (event.key === '[' || event.key === ']') {
    playback.loopHere(event.key === '[' ? 'from' : 'to');
  } else if (event.key === '\\') {
    playback.loop = null;
  } else if (event.key === 'End') {
    playback.glideTo(playback.steps.length - 1);
  } else if (event.key === 'o') {
    against.pin(playback.step);
  } else if (event.key === 't') {
    session.trails.next();
  } else if (event.key === 'r' || event.key === 'R') {
    session.axes.refit();
  } else {
    return;
  }
  event.preventDefault();
}
