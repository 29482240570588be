import type { Feature } from '../run/feature';
import type { Group } from '../run/pictures';
import { ranges } from '../run/ranges';
import { type Settings, settings } from '../run/setting';
import type { Run } from '../run/types';
import { combine, type Marking } from './marked';
import type { TokenSearch } from './search.svelte';

interface Needs {
  readonly data: { readonly run: Pick<Run, 'queries' | 'keys'> | null };
  readonly search: Pick<TokenSearch, 'hits' | 'points'>;
}

/** Points that the user has marked, and the list of their tokens or of those that were found. */
export class Marks implements Feature {
  /** Their numbers mean the same tokens in every head, at every step. */
  group = $state.raw<Group | null>(null);
  /** Whether the opened head shows them projected by themselves. */
  alone = $state(false);
  /** What the list of tokens lists. */
  listing = $state<'hits' | 'marked' | null>(null);
  readonly settings: Settings = settings<Marks>(this, {
    marked: ranges(({ queries, keys }) => queries + keys).or([]),
  });
  private made = 0;

  constructor(private readonly session: Needs) {}

  /** Numbers of the points that are listed; null: no list is open. */
  readonly listed: readonly number[] | null = $derived.by(() => {
    const { search } = this.session;
    if (this.listing === 'hits') return search.hits && search.points;
    return this.listing && (this.group?.points ?? null);
  });

  /** Numbers of the marked points. */
  get marked(): readonly number[] {
    return this.group?.points ?? [];
  }

  set marked(points: readonly number[]) {
    this.mark(points);
  }

  leave(): void {
    this.mark(null);
  }

  /** Marks these points of every head, or marks them too, or no more; none, or null: no points. */
  mark(points: readonly number[] | null, how: Marking = 'replace'): void {
    this.alone = false;
    const marked = points && combine(this.group?.points ?? [], points, how);
    if (!marked || marked.length === 0) {
      this.group = null;
      return;
    }
    const { queries = 0, keys = 0 } = this.session.data.run ?? {};
    const sorted = [...new Set(marked)].sort((a, b) => a - b);
    this.group = { id: `${++this.made}`, points: sorted, of: queries + keys };
  }
}
