import type { Host } from '../base/host';
import { Theme } from '../render/theme.svelte';
import type { Feature } from '../run/feature';
import { numberedSource } from '../run/numbering';
import { RunState } from '../run/run_state.svelte';
import type { DataSource } from '../run/source';
import { PointLoader } from '../shown/point_loader';
import { Connection } from '../source/connection.svelte';
import { lastingSource } from '../source/lasting';
import { browserStorage, Introduction } from './introduction.svelte';

/** What all features stand on: the page, the run, and where points come from. */
export class Ground {
  /** In the order in which they are added. */
  readonly features: Feature[] = [];
  readonly reducedMotion: boolean;
  readonly theme: Theme;
  readonly connection: Connection;
  readonly data: RunState;
  readonly loader: PointLoader;
  readonly introduction: Introduction;

  constructor(
    source: DataSource,
    readonly host: Host,
  ) {
    this.reducedMotion = host.window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.theme = new Theme(host.window);
    this.connection = new Connection(source);
    this.data = this.add(new RunState(numberedSource(lastingSource(source, this.connection))));
    this.loader = new PointLoader(this.data.source);
    this.introduction = new Introduction(browserStorage(host.window));
  }

  protected add<F extends Feature>(feature: F): F {
    this.features.push(feature);
    return feature;
  }

  destroy(): void {
    this.loader.destroy();
    this.theme.destroy();
  }
}
