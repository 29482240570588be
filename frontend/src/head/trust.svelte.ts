import { sleep } from '../base/sleep';
import { isError } from '../encoding/colouring';
import type { Scatter } from '../encoding/scatter.svelte';
import type { Marks } from '../find/marks.svelte';
import type { Playback } from '../playback/playback.svelte';
import { Asked } from '../run/asked.svelte';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import type { Trust, TrustQuery } from '../run/pictures';
import { addressKey } from '../run/projection';
import type { DataSource } from '../run/source';
import { type Run, toNumber } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import type { ShownSteps } from '../shown/shown.svelte';

/** Milliseconds that the hand rests on a step before its trust is asked for. */
const REST = 120;

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'trust' | 'offers'> };
  readonly focus: Pick<Focus, 'opened'>;
  readonly axes: Pick<Axes, 'projection' | 'dims' | 'frame'>;
  readonly playback: Pick<Playback, 'steps' | 'index' | 'step'>;
  readonly marks: Pick<Marks, 'alone'>;
  readonly scatter: Pick<Scatter, 'colouring'>;
  readonly headView: Pick<ShownSteps, 'pictured'>;
}

/** How far the opened head's picture can be believed. */
export class HeadTrust implements Feature {
  readonly answer: Asked<TrustQuery, Trust>;

  constructor(private readonly session: Needs) {
    this.answer = new Asked(
      () => this.question,
      async (query, signal) => {
        await sleep(REST, signal);
        return session.data.source.trust(query, signal);
      },
    );
  }

  private readonly question: TrustQuery | null = $derived.by(() => this.query());
  /** What may be told, and the step that it is of: of this head in this frame at another step until its own is here. */
  readonly judged: { readonly trust: Trust; readonly step: number } | null = $derived.by(() => {
    const { question } = this;
    const { last, error } = this.answer;
    if (!question || !last || error !== null || ofPicture(last.question) !== ofPicture(question)) return null;
    return { trust: last.answer, step: last.question.step };
  });
  /** Whether that is another step than the shown one. */
  readonly late: boolean = $derived.by(() => this.judged !== null && this.answer.value === null);

  /** How wrong each point of the opened head is placed, while that is what colours it; as late as what is judged. */
  readonly errors: Float32Array | null = $derived.by(() => {
    const { marks, scatter } = this.session;
    const { colouring } = scatter;
    if (!this.judged || marks.alone || !isError(colouring)) return null;
    return Float32Array.from(this.judged.trust[colouring], toNumber);
  });

  /** Whether points wait for their colours; the figures say themselves that they are on their way. */
  get busy(): boolean {
    return this.answer.loading && isError(this.session.scatter.colouring);
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  forget(): void {
    this.answer.clear(); // the picture is made again first
  }

  /** Asked for when the opened head's picture is here, and never for all heads. */
  private follow(): void {
    if (this.question === null || this.session.headView.pictured) this.answer.follow();
  }

  private query(): TrustQuery | null {
    const { playback, marks } = this.session;
    const { run, source } = this.session.data;
    const { opened } = this.session.focus;
    const { projection, dims, frame } = this.session.axes;
    const { index, step } = playback;
    if (!run || run.error !== null || !opened || frame === null || step === null || marks.alone) return null;
    if (source.offers?.trust === false) return null;
    const previous = playback.steps[index - 1];
    const asked = { run: run.run, step, ...opened, projection, dims, frame };
    return previous === undefined ? asked : { ...asked, previous };
  }
}

/** The picture that trust is of, at whichever step. */
function ofPicture({ run, layer, head, projection, dims, frame }: TrustQuery): string {
  return `${run} ${layer} ${head} ${addressKey(projection)} ${dims} ${frame}`;
}
