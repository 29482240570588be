import type { NpyArray } from '../base/npy';
import { sleep } from '../base/sleep';
import type { HeadScore } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import { type Grid, headNumber } from '../render/layout';
import type { Focus } from '../run/focus.svelte';
import { Gathered } from '../run/gathered.svelte';
import { type HeadPlace, headList } from '../run/head';
import { headLabel } from '../run/labels';
import { mapped, type Settings, settings } from '../run/setting';
import type { DataSource } from '../run/source';
import type { Layer, Run, SimilarityQuery } from '../run/types';

/** Milliseconds that the hand rests on a step before it is asked for. */
const REST = 150;
/** Steps whose answer is kept: each is a table of all heads by all heads, or a row of it. */
const KEPT = 4;
/** Heads up to which the table comes whole: 4 MB. Of more the row that is shown comes alone. */
const WHOLE = 1024;

/** What scores are shown by: the others need not be asked for. */
export interface Shows {
  /** Whether something shows this score. */
  uses(id: string): boolean;
  /** Whether the places of the heads hang on it. */
  places(id: string): boolean;
}

/** Of what likeness is asked, and to which head. */
interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly layers: readonly Layer[];
    readonly source: Pick<DataSource, 'offers' | 'similarity' | 'headOrder'>;
  };
  readonly focus: Pick<Focus, 'opened' | 'isOpened'>;
  readonly playback: Pick<Playback, 'step' | 'moving'>;
  readonly grid: Grid;
}

/** How alike each head is to one of them, and which are alike among each other, by what they attend to. Asked for only
 * while something uses it. */
export class Likeness {
  /** The head that all are compared with: the opened one, unless it has put the others in their order. */
  to = $state.raw<HeadPlace | null>(null);
  readonly settings: Settings = settings<Likeness>(this, {
    to: mapped(
      headList,
      ([first]) => first,
      (to) => [to],
    )
      .as('like')
      .when(() => this.shows().uses('likeness')),
  });
  readonly answers = new Gathered<NpyArray>(KEPT);
  readonly orders = new Gathered<NpyArray>(KEPT);

  /** @param shows what shows it, or hangs on it */
  constructor(
    private readonly session: Needs,
    private readonly shows: () => Shows,
  ) {}

  private readonly key: string = $derived.by(
    () => `${this.session.data.run?.run} ${this.session.playback.step}`,
  );

  /** Null while no head is meant, and in a page that does not hold it. */
  readonly score: HeadScore | null = $derived.by(() => {
    const { to } = this;
    const { grid } = this.session;
    const { layers, source } = this.session.data;
    if (!to || source.offers?.comparisons === false || to.head >= (layers[to.layer]?.heads ?? 0)) return null;
    const name = headLabel(layers, to.layer, to.head);
    const row = headNumber(grid, to);
    const found = this.answers.get(this.keyOf(row))?.data;
    const values =
      found?.length === grid.total ? found : found?.subarray(row * grid.total, (row + 1) * grid.total);
    return {
      id: 'likeness',
      title: `Likeness to ${name}`,
      reads: `How alike attention is to that of ${name}: 1 less the mean Jensen-Shannon distance of their rows, 1 where both attend to the same.`,
      about: name,
      values: values ? Float64Array.from(values) : new Float64Array(grid.total).fill(Number.NaN),
    };
  });

  /** The places that put alike heads beside each other; null in a page that does not hold them. */
  readonly together: HeadScore | null = $derived.by(() => {
    const { grid } = this.session;
    const { source } = this.session.data;
    if (source.offers?.comparisons === false) return null;
    const places = this.orders.get(this.key)?.data;
    return {
      id: 'together',
      title: 'Alike together',
      reads: 'Heads whose attention is alike stand beside each other.',
      values: Float64Array.from(places ?? new Float32Array(grid.total).fill(Number.NaN)),
    };
  });

  /** Whether another head is opened than the one that the others are compared with. */
  readonly elsewhere: boolean = $derived.by(
    () => this.session.focus.opened !== null && this.to !== null && !this.session.focus.isOpened(this.to),
  );

  /** To be called while a component is made. */
  begin(): void {
    const { source } = this.session.data;
    this.gather(
      this.answers,
      () => this.shows().uses('likeness') && this.score !== null,
      (query, signal) => source.similarity(query, { signal }),
      () => (this.to && this.session.grid.total > WHOLE ? headNumber(this.session.grid, this.to) : null),
    );
    this.gather(
      this.orders,
      () => this.shows().uses('together') && this.together !== null,
      (query, signal) => source.headOrder(query, { signal }),
    );
    $effect.pre(() => {
      if (this.to === null || !this.shows().places('likeness')) this.follow();
    });
  }

  /** From now on all heads are compared with the opened one. */
  follow(): void {
    const { opened } = this.session.focus;
    if (opened) this.to = opened;
  }

  private keyOf(row: number): string {
    return this.session.grid.total > WHOLE ? `${this.key} ${row}` : this.key;
  }

  /** @param wanted whether anything shows it
   * @param head the one that is asked for, where it is one */
  private gather(
    answers: Gathered<NpyArray>,
    wanted: () => boolean,
    ask: (query: SimilarityQuery, signal: AbortSignal) => Promise<NpyArray>,
    head: () => number | null = () => null,
  ): void {
    $effect.pre(() => {
      const { playback } = this.session;
      const { run } = this.session.data;
      const { step, moving } = playback;
      const row = head();
      const key = row === null ? this.key : this.keyOf(row);
      if (!run || run.error !== null || step === null) return;
      answers.need(wanted() && !moving ? key : null, async (signal) => {
        await sleep(REST, signal);
        return ask({ run: run.run, step, ...(row !== null && { head: row }) }, signal);
      });
    });
  }
}
