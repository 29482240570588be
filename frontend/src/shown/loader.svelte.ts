import { SvelteMap } from 'svelte/reactivity';
import { ArrayCache } from '../base/cache';
import type { Points, PointsQuery } from '../run/pictures';
import { addressKey, isSlow } from '../run/projection';
import { type DataSource, isAbort, sentence } from '../run/source';
import type { Priority, Progress } from '../run/types';

/** How many answers are waited for at once. A browser opens six connections to a server; two stay free for what the
 * user clicks on. Axes that are there at once need not queue behind those that are still being fitted; slow heads are
 * so many that no worker of the server is without work, and hold a connection only in the moment in which they ask. */
const WAITED = { whole: 4, preliminary: 4, slow: 8 };
type Lane = keyof typeof WAITED;
/** Milliseconds that the hand has to rest on a step before slow work for it begins. */
const REST = 150;
const CACHE_BYTES = 512 * 2 ** 20;
/** Steps that have to fit at once: the two that are mixed, and the one to come. */
const STEPS_AT_ONCE = 3;

export interface Wanted {
  readonly query: PointsQuery;
  readonly priority: Priority;
}

interface Running {
  readonly controller: AbortController;
  readonly lane: Lane;
  priority: Priority;
}

/** Fetches points in the order in which the views want them, and drops what they want no more. */
export class PointLoader {
  /** Grows with every arrival: what is read here changes then. */
  arrivals = $state(0);
  readonly progress = new SvelteMap<string, Progress>();
  readonly errors = new SvelteMap<string, string>();
  private readonly cache = new ArrayCache(CACHE_BYTES);
  /** They live as long as their points. */
  private readonly notes = new WeakMap<Float32Array, ReadonlyMap<number, string>>();
  private readonly running = new Map<string, Running>();
  private wanted: readonly Wanted[] = [];
  private place = '';
  private resting: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly source: DataSource) {}

  get(query: PointsQuery): Float32Array | null {
    return this.cache.get(keyOf(query));
  }

  /** Why heads of this answer have no (full) picture. */
  notesOf(query: PointsQuery): ReadonlyMap<number, string> | null {
    const points = this.get(query);
    return (points && this.notes.get(points)) ?? null;
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
  want(wanted: readonly Wanted[]): void {
    this.wanted = wanted;
    const priorities = new Map<string, Priority>();
    for (const { query, priority } of wanted.toReversed()) priorities.set(keyOf(query), priority);
    for (const [key, running] of this.running) {
      const priority = priorities.get(key);
      if (priority === undefined) running.controller.abort();
      else running.priority = priority;
    }
    this.rest();
    this.fill();
  }

  retry(query: PointsQuery): void {
    this.errors.delete(keyOf(query));
    this.fill();
  }

  /** What is kept is not so any more: what is wanted is asked for again. */
  forget(): void {
    for (const { controller } of this.running.values()) controller.abort();
    this.cache.clear();
    this.errors.clear();
    this.arrivals++;
    this.fill();
  }

  destroy(): void {
    this.wanted = [];
    if (this.resting !== null) clearTimeout(this.resting);
    for (const { controller } of this.running.values()) controller.abort();
  }

  /** A hand that scrubs over the steps starts no slow work on its way. */
  private rest(): void {
    const query = this.wanted.find(({ query }) => isSlow(query.projection))?.query;
    const place = query ? `${query.run} ${query.step} ${addressKey(query.projection)}` : '';
    if (place === this.place) return;
    this.place = place;
    if (this.resting !== null) clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = null;
      this.fill();
    }, REST);
  }

  private fill(): void {
    const due = {
      whole: new Map<string, Wanted>(),
      preliminary: new Map<string, Wanted>(),
      slow: new Map<string, Wanted>(),
    };
    for (const wanted of this.wanted) {
      const lane = laneOf(wanted.query);
      if (due[lane].size >= WAITED[lane] || (lane === 'slow' && this.resting !== null)) continue;
      const key = keyOf(wanted.query);
      if (!this.cache.has(key) && !this.errors.has(key)) due[lane].set(key, wanted);
    }
    // What came first in the meantime takes the place of slow work that can wait.
    if (this.resting === null) {
      for (const [key, { controller, lane }] of this.running) {
        if (lane === 'slow' && !due.slow.has(key)) controller.abort();
      }
    }
    for (const lane of ['preliminary', 'whole', 'slow'] as const) {
      let free = WAITED[lane] - [...this.running.values()].filter((running) => running.lane === lane).length;
      for (const [key, wanted] of due[lane]) {
        if (this.running.has(key)) continue;
        if (free-- <= 0 && lane !== 'slow') break; // slow work that was stopped above is already making room
        void this.fetch(wanted, key);
      }
    }
  }

  private async fetch({ query, priority }: Wanted, key: string): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const running: Running = { controller, lane: laneOf(query), priority };
    this.running.set(key, running);
    try {
      const points = await this.source.points(query, {
        signal,
        onProgress: (progress) => {
          if (!signal.aborted) this.progress.set(key, progress);
        },
        priority: () => running.priority,
      });
      if (signal.aborted) return;
      const data = placed(points, query);
      if (points.notes.size > 0) this.notes.set(data, points.notes);
      this.cache.set(key, data);
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

function laneOf({ projection, fit }: PointsQuery): Lane {
  if (isSlow(projection)) return 'slow';
  return fit === undefined ? 'whole' : 'preliminary';
}

/** A group's points at their own numbers among all of the head's; the others are nowhere. */
export function placed({ data }: Points, { alone, dims }: PointsQuery): Float32Array {
  if (!alone) return data;
  const all = new Float32Array(alone.of * dims).fill(Number.NaN);
  alone.points.forEach((point, i) => {
    all.set(data.subarray(i * dims, (i + 1) * dims), point * dims);
  });
  return all;
}

function keyOf(query: PointsQuery): string {
  const { run, step, layer, head, projection, dims, frame, fit, alone, inFrameOf } = query;
  const axes = `${dims}|${frame}|${inFrameOf ?? ''}|${fit ?? ''}`;
  const picture = `${addressKey(projection)}|${axes}|${alone?.id ?? ''}`;
  return `${run}|${picture}|${step}|${layer}|${head ?? ''}`;
}
