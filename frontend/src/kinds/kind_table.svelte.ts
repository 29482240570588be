import { Asked } from '../run/asked.svelte';
import type { HeadPlace } from '../run/head';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import type { TokenIndex } from '../run/places';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import { tableLabels } from './table';

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly probe: { readonly value: TokenIndex | null };
    readonly source: Pick<DataSource, 'labelAttention'>;
  };
  readonly focus: { readonly opened: HeadPlace | null };
  readonly playback: { readonly step: number | null };
}

/** From which kind of token to which the opened head attends, while that is looked at. */
export class KindTable extends Asked<LabelQuery, LabelAttention> {
  /** Whether it is looked at. */
  open = $state(false);
  /** The label that the user chose. */
  chosen = $state<string | null>(null);

  constructor(private readonly session: Needs) {
    super(
      () => this.query,
      (query, signal) => session.data.source.labelAttention(query, signal),
    );
  }

  /** Those that the probe has. */
  readonly labels: readonly string[] = $derived.by(() =>
    tableLabels(this.session.data.probe.value?.sequences ?? []),
  );
  readonly label: string | null = $derived.by(
    () => this.labels.find((label) => label === this.chosen) ?? this.labels[0] ?? null,
  );
  private readonly query: LabelQuery | null = $derived.by(() => {
    const { data, focus, playback } = this.session;
    const { label } = this;
    if (!this.open || !data.run || !focus.opened || playback.step === null || label === null) return null;
    return { run: data.run.run, step: playback.step, ...focus.opened, label };
  });

  /** Of the shown head, step and label; null while it is on its way. */
  get table(): LabelAttention | null {
    return this.value;
  }

  override leave(): void {
    super.leave();
    this.chosen = null;
  }
}
