import { type DataSource, isAbort, sentence } from '../run/source';
import type { MapsQuery, SmallMaps } from '../run/types';

/** How many answers are waited for at once: a browser opens six connections, and points come beside. */
const WAITED = 2;
const CACHE_BYTES = 256 * 2 ** 20;

/** Fetches small maps in the order in which they are wanted, keeps those used last, and drops what nobody wants any more. */
export class MapLoader {
  /** Grows with every arrival: what is read here changes then. */
  arrivals = $state(0);
  private readonly held = new Map<string, SmallMaps>();
  private readonly errors = new Map<string, string>();
  private readonly running = new Map<string, AbortController>();
  private wanted: readonly MapsQuery[] = [];
  private bytes = 0;

  /** @param capacity bytes that are kept */
  constructor(
    private readonly source: () => Pick<DataSource, 'maps'>,
    private readonly capacity = CACHE_BYTES,
  ) {}

  get(query: MapsQuery): SmallMaps | null {
    const key = keyOf(query);
    const found = this.held.get(key);
    if (this.arrivals < 0 || !found) return null;
    this.held.delete(key); // a Map lists its keys in the order of insertion: this one is the youngest now
    this.held.set(key, found);
    return found;
  }

  error(query: MapsQuery): string | null {
    return this.arrivals < 0 ? null : (this.errors.get(keyOf(query)) ?? null);
  }

  /** Nothing more will come of this query: it is here, or it has failed. */
  settled(query: MapsQuery): boolean {
    const key = keyOf(query);
    return this.arrivals >= 0 && (this.held.has(key) || this.errors.has(key));
  }

  /** From now on these are wanted, the first ones first. */
  want(wanted: readonly MapsQuery[]): void {
    this.wanted = wanted;
    const keys = new Set(wanted.map(keyOf));
    for (const [key, controller] of this.running) if (!keys.has(key)) controller.abort();
    this.fill();
  }

  /** Asks again for what has failed. */
  retry(): void {
    this.errors.clear();
    this.arrivals++;
    this.fill();
  }

  /** What is kept is not so any more: what is wanted is asked for again. */
  forget(): void {
    const { wanted } = this;
    this.clear();
    this.arrivals++;
    this.want(wanted);
  }

  clear(): void {
    this.want([]);
    this.held.clear();
    this.errors.clear();
    this.bytes = 0;
  }

  private fill(): void {
    for (const query of this.wanted) {
      if (this.running.size >= WAITED) return;
      const key = keyOf(query);
      if (!this.held.has(key) && !this.errors.has(key) && !this.running.has(key)) void this.fetch(query, key);
    }
  }

  private async fetch(query: MapsQuery, key: string): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(key, controller);
    try {
      const maps = await this.source().maps(query, { signal });
      if (!signal.aborted) this.keep(key, maps);
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) this.errors.set(key, sentence(error));
    } finally {
      this.running.delete(key);
      this.arrivals++;
      this.fill();
    }
  }

  private keep(key: string, maps: SmallMaps): void {
    this.held.set(key, maps);
    this.bytes += maps.data.byteLength;
    for (const [oldest, { data }] of this.held) {
      if (this.bytes <= this.capacity || oldest === key) break;
      this.held.delete(oldest);
      this.bytes -= data.byteLength;
    }
  }
}

function keyOf({ run, step, kind, part }: MapsQuery): string {
  return `${step}|${part}|${kind}|${run}`;
}
