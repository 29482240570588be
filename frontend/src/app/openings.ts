import type { Comparison } from '../compare/compare.svelte';
import type { Marks } from '../find/marks.svelte';
import type { Focus } from '../run/focus.svelte';

/** What can be opened over the matrix, and closed again. */
export type Opening = 'comparison' | 'head' | 'token' | 'list' | 'alone';

/** What openings are seen in. */
interface Openable {
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
  readonly marks: Pick<Marks, 'alone' | 'listing' | 'listed'>;
  readonly against: Pick<Comparison, 'run' | 'absent' | 'clear'>;
  close(): void;
}

interface Way {
  readonly is: (session: Openable) => boolean;
  readonly close: (session: Openable) => void;
}

/** Inner ones last. */
const WAYS: Readonly<Record<Opening, Way>> = {
  comparison: {
    is: ({ against }) => against.run !== null || against.absent !== null,
    close: ({ against }) => against.clear(),
  },
  head: { is: ({ focus }) => focus.opened !== null, close: (session) => session.close() },
  token: {
    is: ({ focus }) => focus.opened !== null && focus.selection !== null,
    close: ({ focus }) => {
      focus.selection = null;
    },
  },
  list: {
    is: ({ marks }) => marks.listed !== null,
    close: ({ marks }) => {
      marks.listing = null;
    },
  },
  alone: {
    is: ({ marks }) => marks.alone,
    close: ({ marks }) => {
      marks.alone = false;
    },
  },
};
const ALL = Object.keys(WAYS) as Opening[];

export function opened(session: Openable): readonly Opening[] {
  return ALL.filter((name) => WAYS[name].is(session));
}

export function closeAllBut(kept: readonly Opening[], session: Openable): void {
  for (const name of opened(session).toReversed()) if (!kept.includes(name)) WAYS[name].close(session);
}

/** The openings that a text of the browser's history names. */
export function readOpenings(names: unknown): readonly Opening[] {
  return Array.isArray(names) ? ALL.filter((name) => names.includes(name)) : [];
}
