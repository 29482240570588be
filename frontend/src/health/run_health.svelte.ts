import { Latest } from '../run/latest.svelte';
import type { Alert, HealthDocument } from '../run/types';
import { readHealth, type Series } from './health';

/** The shown run's health figures over its steps, and its alerts. */
export class RunHealth {
  readonly document = new Latest<HealthDocument>();
  readonly alerts = new Latest<readonly Alert[]>();
  /** Name of the figure that colours the cells. */
  tint = $state<string | null>(null);

  readonly figures: ReadonlyMap<string, Series> | null = $derived(
    this.document.value && readHealth(this.document.value),
  );
  /** The figure that colours the cells. */
  readonly series: Series | null = $derived(this.figures?.get(this.tint ?? '') ?? null);
}
