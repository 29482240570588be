import { Asked } from '../run/asked.svelte';
import type { Feature } from '../run/feature';
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
export class KindTable implements Feature {
  /** Whether it is looked at. */
  open = $state(false);
  /** The label that the user chose. */
  chosen = $state<string | null>(null);
  private readonly answer: Asked<LabelQuery, LabelAttention>;

  constructor(private readonly session: Needs) {
    this.answer = new Asked(
      () => this.question,
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
  private readonly question: LabelQuery | null = $derived.by(() => {
    const { data, focus, playback } = this.session;
    const { label } = this;
    if (!this.open || !data.run || !focus.opened || playback.step === null || label === null) return null;
    return { run: data.run.run, step: playback.step, ...focus.opened, label };
  });

  /** Of the shown head, step and label; null while it is on its way. */
  get table(): LabelAttention | null {
    return this.answer.value;
  }

  get error(): string | null {
    return this.answer.error;
  }

  get busy(): boolean {
    return this.answer.loading;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.answer.follow());
  }

  forget(): void {
    this.answer.forget();
  }

  leave(): void {
    this.answer.clear();
    this.chosen = null;
  }
}
