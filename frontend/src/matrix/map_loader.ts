import { Cache } from '../base/cache';
import { Loader } from '../run/loader.svelte';
import type { DataSource, Waiting } from '../run/source';
import type { MapsQuery, SmallMaps } from '../run/types';

const CACHE_BYTES = 256 * 2 ** 20;

/** Fetches small maps. */
export class MapLoader extends Loader<MapsQuery, SmallMaps> {
  /** @param capacity bytes that are kept */
  constructor(
    private readonly source: () => Pick<DataSource, 'maps'>,
    capacity = CACHE_BYTES,
  ) {
    super(new Cache(capacity, ({ data }) => data.byteLength));
  }

  protected key({ run, step, kind, part }: MapsQuery): string {
    return `${step}|${part}|${kind}|${run}`;
  }

  protected ask(query: MapsQuery, waiting: Waiting): Promise<SmallMaps> {
    return this.source().maps(query, waiting);
  }
}
