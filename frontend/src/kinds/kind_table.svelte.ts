import { untrack } from 'svelte';
import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import type { LabelAttention } from '../run/label_attention';
import { Latest } from '../run/latest.svelte';
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
  private readonly answer = new Latest<LabelAttention>();

  constructor(private readonly session: Needs) {}

  /** Those that the probe has. */
  readonly labels: readonly string[] = $derived.by(() =>
    tableLabels(this.session.data.probe.value?.sequences ?? []),
  );
  readonly label: string | null = $derived.by(
    () => this.labels.find((label) => label === this.chosen) ?? this.labels[0] ?? null,
  );
  /** Of the shown head, step and label; null while it is on its way. */
  readonly table: LabelAttention | null = $derived.by(() => {
    const { data, focus, playback } = this.session;
    const { value } = this.answer;
    const current =
      value?.run === data.run?.run &&
      value?.step === playback.step &&
      value?.layer === focus.opened?.layer &&
      value?.head === focus.opened?.head &&
      value?.label === this.label;
    return current ? value : null;
  });

  get error(): string | null {
    return this.answer.error;
  }

  get busy(): boolean {
    return this.answer.loading;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.answer.clear();
    this.chosen = null;
  }

  private follow(): void {
    const { data, focus, playback } = this.session;
    const { opened } = focus;
    const { step } = playback;
    const { label } = this;
    if (!this.open || !data.run || !opened || step === null || label === null) {
      untrack(() => this.answer.clear()); // nobody waits for it any more
      return;
    }
    const asked = { run: data.run.run, step, layer: opened.layer, head: opened.head, label };
    void this.answer.load((signal) => data.source.labelAttention(asked, signal));
  }
}
