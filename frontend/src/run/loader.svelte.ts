import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import type { Cache } from '../base/cache';
import { isAbort, sentence, type Waiting } from './source';
import type { Progress } from './types';

/** How many answers are waited for at once: a browser opens six connections, and others come beside. */
const WAITED = 2;

interface Running<Q> {
  readonly query: Q;
  readonly controller: AbortController;
}

/** Asks for what is wanted, in that order and a few at once; gives up what nobody wants any more, and keeps the answers that
 * were used last. */
export abstract class Loader<Q, A> {
  /** How far the server is with what takes a while. */
  readonly progress = new SvelteMap<string, Progress>();
  protected wanted: ReadonlyMap<string, Q> = new Map();
  protected readonly running = new Map<string, Running<Q>>();
  private readonly errors = new SvelteMap<string, string>();
  /** Grows with all that comes, fails or is forgotten: what is read here changes then. */
  private arrivals = $state(0);

  constructor(protected readonly cache: Cache<A>) {}

  /** The same for queries with the same answer. */
  protected abstract key(query: Q): string;
  protected abstract ask(query: Q, waiting: Waiting): Promise<A>;

  get(query: Q): A | null {
    return this.arrivals < 0 ? null : this.cache.get(this.key(query));
  }

  error(query: Q): string | null {
    return this.errors.get(this.key(query)) ?? null;
  }

  progressOf(query: Q): Progress | null {
    return this.progress.get(this.key(query)) ?? null;
  }

  /** Nothing more will come of this query: it is here, or it has failed. */
  settled(query: Q): boolean {
    return this.arrivals >= 0 && this.ended(this.key(query), query);
  }

  /** From now on these are wanted, the first ones first. */
  want(wanted: readonly Q[]): void {
    const named = new Map<string, Q>();
    for (const query of wanted) {
      const key = this.key(query);
      if (!named.has(key)) named.set(key, query);
    }
    this.wanted = named;
    for (const { query, controller } of this.running.values()) if (!this.wants(query)) controller.abort();
    untrack(() => this.fill());
  }

  /** Asks again for what has failed.
   * @param query for this alone */
  retry(query?: Q): void {
    if (query === undefined) this.errors.clear();
    else this.errors.delete(this.key(query));
    this.fill();
  }

  /** What is kept is not so any more: what is wanted is asked for again. */
  forget(): void {
    for (const { controller } of this.running.values()) controller.abort();
    this.cache.clear();
    this.errors.clear();
    untrack(() => this.arrivals++);
    this.fill();
  }

  /** Nothing is wanted any more, and nothing kept. */
  clear(): void {
    this.wanted = new Map();
    this.forget();
  }

  /** Whether this may be asked beside what is running. */
  protected mayAsk(_query: Q): boolean {
    return this.running.size < WAITED;
  }

  protected has(key: string, _query: Q): boolean {
    return this.cache.has(key);
  }

  protected ended(key: string, query: Q): boolean {
    return this.errors.has(key) || this.has(key, query);
  }

  /** Whether an answer that is under way is still of use. */
  protected wants(query: Q): boolean {
    return this.wanted.has(this.key(query));
  }

  protected fill(): void {
    for (const [key, query] of this.wanted) {
      if (!this.running.has(key) && !this.ended(key, query) && this.mayAsk(query))
        void this.fetch(key, query);
    }
  }

  private async fetch(key: string, query: Q): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(key, { query, controller });
    const onProgress = (progress: Progress) => {
      if (!signal.aborted) this.progress.set(key, progress);
    };
    try {
      const answer = await this.ask(query, { signal, onProgress });
      if (!signal.aborted) this.cache.set(key, answer);
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) this.errors.set(key, sentence(error));
    } finally {
      this.running.delete(key);
      this.progress.delete(key);
      this.arrivals++;
      this.fill();
    }
  }
}
