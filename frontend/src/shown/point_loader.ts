import { Cache } from '../base/cache';
import { Loader } from '../run/loader.svelte';
import type { Points, PointsQuery } from '../run/pictures';
import { addressKey, isSlow } from '../run/projection';
import type { DataSource, Waiting } from '../run/source';
import type { Priority } from '../run/types';

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

export interface Wanted extends PointsQuery {
  /** 0 where it is not said: it is looked at. */
  readonly priority?: Priority;
}

interface Placed {
  readonly points: Float32Array;
  readonly notes: Points['notes'];
}

/** Fetches points; slow ones only where the hand rests, those that are looked at first. */
export class PointLoader extends Loader<Wanted, Placed> {
  private place = '';
  private resting: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly source: DataSource) {
    super(new Cache(CACHE_BYTES, ({ points }) => points.byteLength));
  }

  points(query: PointsQuery): Float32Array | null {
    return this.get(query)?.points ?? null;
  }

  /** Why heads of this answer have no (full) picture. */
  notesOf(query: PointsQuery): Points['notes'] | null {
    return this.get(query)?.notes ?? null;
  }

  /** Makes room for steps of this many bytes, and says how many more of them half of the cache can take ahead. */
  room(bytesPerStep: number): number {
    this.cache.capacity = Math.max(CACHE_BYTES, STEPS_AT_ONCE * bytesPerStep);
    return Math.max(0, Math.floor(this.cache.capacity / 2 / Math.max(1, bytesPerStep)) - STEPS_AT_ONCE);
  }

  override want(wanted: readonly Wanted[]): void {
    this.rest(wanted.find(({ projection }) => isSlow(projection)));
    super.want(wanted);
  }

  destroy(): void {
    this.clear();
    if (this.resting !== null) clearTimeout(this.resting);
  }

  protected key(query: PointsQuery): string {
    const { run, step, layer, head, projection, dims, frame, fit, alone, inFrameOf } = query;
    const axes = `${dims}|${frame}|${inFrameOf ?? ''}|${fit ?? ''}`;
    const picture = `${addressKey(projection)}|${axes}|${alone?.id ?? ''}`;
    return `${run}|${picture}|${step}|${layer}|${head ?? ''}`;
  }

  protected async ask({ priority: _, ...query }: Wanted, waiting: Waiting): Promise<Placed> {
    const key = this.key(query);
    const priority = () => this.wanted.get(key)?.priority ?? 0;
    const points = await this.source.points(query, { ...waiting, priority });
    return { points: placed(points, query), notes: points.notes };
  }

  protected override mayAsk(query: Wanted): boolean {
    const lane = laneOf(query);
    if (lane === 'slow' && this.resting !== null) return false;
    const beside = [...this.running.values()].filter(({ query }) => laneOf(query) === lane);
    return beside.filter(({ controller: { signal } }) => !signal.aborted).length < WAITED[lane];
  }

  protected override fill(): void {
    if (this.resting === null) this.makeWay();
    super.fill();
  }

  /** A hand that scrubs over the steps starts no slow work on its way. */
  private rest(query: PointsQuery | undefined): void {
    const place = query ? `${query.run} ${query.step} ${addressKey(query.projection)}` : '';
    if (place === this.place) return;
    this.place = place;
    if (this.resting !== null) clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = null;
      this.fill();
    }, REST);
  }

  /** What came first in the meantime takes the place of slow work that can wait. */
  private makeWay(): void {
    const first = new Set<string>();
    for (const [key, query] of this.wanted) {
      if (first.size === WAITED.slow) break;
      if (isSlow(query.projection) && !this.ended(key, query)) first.add(key);
    }
    for (const [key, { query, controller }] of this.running) {
      if (isSlow(query.projection) && !first.has(key)) controller.abort();
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
