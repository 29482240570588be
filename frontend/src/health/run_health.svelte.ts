import { untrack } from 'svelte';
import type { Feature } from '../run/feature';
import type { Alert } from '../run/findings';
import { Latest } from '../run/latest.svelte';
import { type Settings, settings, text } from '../run/setting';
import type { DataSource } from '../run/source';
import { FiguresOfRun } from './figures_of_run.svelte';
import type { Series } from './health';

/** The figure that says most at a glance. */
const FIRST_TINT = 'entropy';

/** What of the figures is looked at beside the tint. */
interface Looked {
  /** At which steps. */
  readonly steps: readonly number[];
  /** Over all steps. */
  readonly figures: readonly string[];
  /** Number of the head whose charts are shown. */
  readonly head: number | null;
}

/** The shown run's health figures over its steps, and its alerts. */
export class RunHealth implements Feature {
  readonly held = new FiguresOfRun();
  readonly alerts = new Latest<readonly Alert[]>();
  /** Name of the figure that colours the cells. */
  tint = $state<string | null>(FIRST_TINT);
  /** Name of the figure that an alert has led to: its chart is the first. */
  asked = $state<string | null>(null);
  /** What an alert that is read tells of: its steps, and number of its head. */
  told = $state.raw<{ readonly steps: readonly number[]; readonly head: number } | null>(null);
  readonly settings: Settings = settings<RunHealth>(this, {
    tint: text().none('none').stated(),
  });

  constructor(private readonly looked: () => Looked) {}

  readonly figures: ReadonlyMap<string, Series> | null = $derived.by(() => this.held.figures);
  /** The figure that colours the cells. */
  readonly series: Series | null = $derived.by(() => this.figures?.get(this.tint ?? '') ?? null);

  begin(): void {
    $effect(() => {
      const { steps, figures, head } = this.looked();
      this.held.want({ steps, figures: this.tint === null ? figures : [this.tint, ...figures], head });
    });
  }

  /** New checkpoints came. */
  update(source: DataSource, run: string): void {
    untrack(() => this.held.update(source, run));
    void this.alerts.load(async (signal) => (await source.alerts(run, signal)).alerts);
  }

  get busy(): boolean {
    return this.held.loading || this.alerts.loading;
  }

  leave(): void {
    this.held.clear();
    this.alerts.clear();
    this.asked = null;
    this.told = null;
  }
}
