import { SvelteMap } from 'svelte/reactivity';
import { ArrayCache } from '../api/cache';
import { type DataSource, isAbort, sentence } from '../api/source';
import type { PointsQuery, Progress } from '../api/types';

/** A browser opens six connections to a server; two stay free for what the user clicks on. */
const PARALLEL = 4;
const CACHE_BYTES = 512 * 2 ** 20;
/** Steps that have to fit at once: the two that are mixed, and the one to come. */
const STEPS_AT_ONCE = 3;

/** Fetches layers of points in the order in which the views want them, and drops what they want no more. */
export class PointLoader {
  /** Grows with every arrival: what is read here changes then. */
  arrivals = $state(0);
  readonly progress = new SvelteMap<string, Progress>();
  readonly errors = new SvelteMap<string, string>();
  private readonly cache = new ArrayCache(CACHE_BYTES);
  private readonly running = new Map<string, AbortController>();
  private wanted: readonly PointsQuery[] = [];

  constructor(private readonly source: DataSource) {}

  get(query: PointsQuery): Float32Array | null {
    return this.cache.get(keyOf(query));
  }

  error(query: PointsQuery): string | null {
    return this.errors.get(keyOf(query)) ?? null;
  }

  progressOf(query: PointsQuery): Progress | null {
    return this.progress.get(keyOf(query)) ?? null;
  }

  /** Nothing more will come of this query: it is here, or it has failed. */
  settled(query: PointsQuery): boolean {
    const key = keyOf(query);
    return this.cache.has(key) || this.errors.has(key);
  }

  /** Makes room for steps of this many bytes, and says how many more of them half of the cache can take ahead. */
  room(bytesPerStep: number): number {
    this.cache.capacity = Math.max(CACHE_BYTES, STEPS_AT_ONCE * bytesPerStep);
    return Math.max(0, Math.floor(this.cache.capacity / 2 / Math.max(1, bytesPerStep)) - STEPS_AT_ONCE);
  }

  /** From now on these are wanted, the first ones first. */
  want(queries: readonly PointsQuery[]): void {
    this.wanted = queries;
    const keys = new Set(queries.map(keyOf));
    for (const [key, controller] of this.running) if (!keys.has(key)) controller.abort();
    this.fill();
  }

  retry(query: PointsQuery): void {
    this.errors.delete(keyOf(query));
    this.fill();
  }

  destroy(): void {
    this.wanted = [];
    for (const controller of this.running.values()) controller.abort();
  }

  private fill(): void {
    for (const query of this.wanted) {
      if (this.running.size >= PARALLEL) return;
      const key = keyOf(query);
      if (!this.running.has(key) && !this.cache.has(key) && !this.errors.has(key))
        void this.fetch(query, key);
    }
  }

  private async fetch(query: PointsQuery, key: string): Promise<void> {
    const controller = new AbortController();
    this.running.set(key, controller);
    try {
      const { data } = await this.source.points(query, controller.signal, (progress) => {
        if (!controller.signal.aborted) this.progress.set(key, progress);
      });
      this.cache.set(key, data);
    } catch (error) {
      if (!controller.signal.aborted && !isAbort(error)) this.errors.set(key, sentence(error));
    } finally {
      this.running.delete(key);
      this.progress.delete(key);
      this.arrivals++;
      this.fill();
    }
  }
}

function keyOf({ run, step, layer, projection, dims, frame }: PointsQuery): string {
  return `${run}|${projection}|${dims}|${frame}|${step}|${layer}`;
}
