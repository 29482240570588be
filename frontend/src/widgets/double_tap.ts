/** Milliseconds and css pixels within which a second tap belongs to the first. */
const TIME = 450;
const WAY = 6;
/** Milliseconds after which a second tap would have been heard, also where opening a head takes its time. */
const LATE = 2000;

/** Calls `then` if a second tap follows the one that was just made. What the first tap has opened may lie under the
 * pointer by then, and must not be hit: nobody else hears of the second.
 * @param x, y of the first tap, in css pixels of the window */
export function doubleTap(x: number, y: number, then: () => void): void {
  const heard = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'dblclick'] as const;
  const first = performance.now();
  let pressed = false; // until then what is heard is still the first tap's
  const listen = (event: MouseEvent) => {
    const near = Math.hypot(event.clientX - x, event.clientY - y) <= WAY;
    if (event.type === 'pointerdown') pressed = near && event.timeStamp - first < TIME;
    if (!pressed || !near) return;
    event.stopPropagation();
    event.preventDefault();
    if (event.type === 'pointerup') then();
  };
  for (const type of heard) window.addEventListener(type, listen, { capture: true });
  setTimeout(() => {
    for (const type of heard) window.removeEventListener(type, listen, { capture: true });
  }, LATE);
}
