import { flushSync } from 'svelte';
import { vi } from 'vitest';
import type { Host } from '../base/host';
import type { Link } from '../run/setting';
import type { DataSource } from '../run/source';
import { Session } from './session.svelte';

/** What composing asks of a browser, with clocks that the test moves; `vi.unstubAllGlobals` and `vi.useRealTimers` end it.
 * @param frames takes the animation frames that are asked for */
export function standInBrowser(frames: FrameRequestCallback[] = []): void {
  vi.useFakeTimers();
  vi.stubGlobal(
    'MutationObserver',
    class {
      observe() {}
      disconnect() {}
    },
  );
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => null }) });
  const requested: (FrameRequestCallback | null)[] = [null]; // no request has the number 0
  vi.stubGlobal('requestAnimationFrame', (frame: FrameRequestCallback) => {
    const once: FrameRequestCallback = (now) => frame(now);
    frames.push(once);
    return requested.push(once) - 1;
  });
  vi.stubGlobal('cancelAnimationFrame', (request: number) => {
    const once = requested[request];
    const at = once ? frames.indexOf(once) : -1;
    if (at >= 0) frames.splice(at, 1);
  });
}

/** The window that a Session reads. */
export const standInWindow = (still = true) => ({
  matchMedia: () => ({ matches: still }),
  document: { body: { classList: { contains: () => false } } },
});

/** Lets what is due be done, and what follows from it. */
export async function pass(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  flushSync();
}

export interface Composed {
  readonly session: Session;
  readonly end: () => void;
}

/** A link of these settings. */
export function linkOf(says: Readonly<Record<string, string | number>>): Link {
  return new Map(Object.entries(says).map(([name, value]) => [name, String(value)]));
}

/** All rooms together, at a place of a source's run, with every head in view.
 * @param still whether nothing may be animated */
export async function compose(
  source: DataSource,
  says: Readonly<Record<string, string | number>> = {},
  still = true,
): Promise<Composed> {
  const host = { window: standInWindow(still) } as unknown as Host;
  let session!: Session;
  const leave = $effect.root(() => {
    session = new Session(source, host, linkOf(says));
    session.begin();
  });
  await session.refreshRuns();
  await pass();
  session.matrixView.visible = Uint32Array.from({ length: session.grid.total }, (_, head) => head);
  await pass();
  return {
    session,
    end: () => {
      leave();
      session.destroy();
    },
  };
}
