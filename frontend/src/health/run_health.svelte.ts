import type { Feature } from '../run/feature';
import { Latest } from '../run/latest.svelte';
import { type Settings, settings, text } from '../run/setting';
import type { Alert, HealthDocument } from '../run/types';
import { readHealth, type Series } from './health';

/** The figure that says most at a glance. */
const FIRST_TINT = 'entropy';

/** The shown run's health figures over its steps, and its alerts. */
export class RunHealth implements Feature {
  readonly document = new Latest<HealthDocument>();
  readonly alerts = new Latest<readonly Alert[]>();
  /** Name of the figure that colours the cells. */
  tint = $state<string | null>(FIRST_TINT);
  readonly settings: Settings = settings<RunHealth>(this, {
    tint: text().none('none').stated(),
  });

  readonly figures: ReadonlyMap<string, Series> | null = $derived(
    this.document.value && readHealth(this.document.value),
  );
  /** The figure that colours the cells. */
  readonly series: Series | null = $derived(this.figures?.get(this.tint ?? '') ?? null);

  get busy(): boolean {
    return this.document.loading || this.alerts.loading;
  }

  leave(): void {
    this.document.clear();
    this.alerts.clear();
  }
}
