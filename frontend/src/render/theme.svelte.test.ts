import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DARK, LIGHT } from './colours';
import { Theme } from './theme.svelte';

/** TensorBoard's body, and who watches its classes. */
const body = { classList: { contains: (name: string) => classes.has(name) } };
let classes: Set<string>;
let watching: (() => void)[];

beforeEach(() => {
  classes = new Set();
  watching = [];
  vi.stubGlobal(
    'MutationObserver',
    class {
      constructor(private readonly read: () => void) {}
      observe(watched: unknown) {
        if (watched === body) watching.push(this.read);
      }
      disconnect() {
        watching = [];
      }
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

it('is TensorBoard’s, also when that changes, until nobody looks', () => {
  classes.add('dark-mode');
  const theme = new Theme({ document: { body } as unknown as Document });
  expect([theme.dark, theme.palette]).toEqual([true, DARK]);
  classes.delete('dark-mode');
  for (const read of watching) read();
  expect([theme.dark, theme.palette]).toEqual([false, LIGHT]);
  theme.destroy();
  expect(watching).toEqual([]);
});
