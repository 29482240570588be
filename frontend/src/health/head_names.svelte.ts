import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import { Latest } from '../run/latest.svelte';
import type { DataSource } from '../run/source';
import type { Findings, NamedHead, Run, RunEvent } from '../run/types';

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'findings'> };
  readonly playback: { readonly step: number | null };
}

/** What the heads of the shown run are called at the shown step. */
export class HeadNames implements Feature {
  readonly answer = new Latest<Findings>();

  constructor(private readonly session: Needs) {}

  /** Null while what is known is of another step: a head has no other one's name. */
  readonly findings: Findings | null = $derived.by(() => {
    const { data, playback } = this.session;
    const { value } = this.answer;
    return value && value.step === playback.step && value.run === data.run?.run ? value : null;
  });
  /** All that happened in the shown run, whichever step it was told with; null before that is known. */
  readonly events: readonly RunEvent[] | null = $derived.by(() => {
    const { value } = this.answer;
    return value && value.run === this.session.data.run?.run ? value.events : null;
  });
  /** Cells are drawn again when their names come. */
  get busy(): boolean {
    return this.answer.loading;
  }

  private readonly byPlace: ReadonlyMap<string, NamedHead> = $derived(
    new Map((this.findings?.heads ?? []).map((head) => [keyOf(head), head])),
  );

  of(place: HeadPlace): NamedHead | null {
    return this.byPlace.get(keyOf(place)) ?? null;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.answer.clear();
  }

  /** Asked for again whenever there is more of the run. */
  private follow(): void {
    const { run, source } = this.session.data;
    const { step } = this.session.playback;
    if (!run || run.error !== null || step === null) return;
    void this.answer.load((signal) => source.findings({ run: run.run, step }, { signal }));
  }
}

function keyOf({ layer, head }: HeadPlace): string {
  return `${layer} ${head}`;
}
