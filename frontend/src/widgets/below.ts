/** Where a popover of so many css pixels stands below its button, within the window. */
export function below(button: HTMLElement, width: number): { left: number; top: number } {
  const box = button.getBoundingClientRect();
  return { left: Math.max(4, Math.min(box.left, window.innerWidth - width - 8)), top: box.bottom + 4 };
}
