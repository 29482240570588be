import { formatValue } from '../health/figures';
import { Asked } from '../run/asked.svelte';
import type { Feature } from '../run/feature';
import { Latest } from '../run/latest.svelte';
import type { ScalarPoint } from '../run/scalars';
import { type Settings, settings, text, word } from '../run/setting';
import type { DataSource } from '../run/source';
import { begunAgain, nearestPoint, positive, scaleOf, steeringTag, within } from './curve';
import { type Around, type Listed, partsAround } from './parts';

/** The link’s word for no curve. */
const NONE = 'none';

/** Milliseconds until scalars are asked for again that TensorBoard may still be reading, each time twice as many; and how often. */
const FIRST_WAIT = 4000;
const MOST_TRIES = 5;

/** What of TensorBoard's scalars is drawn above the timeline. */
export class Steering implements Feature {
  readonly tags = new Latest<readonly string[]>();
  readonly points: Asked<{ readonly run: string; readonly tag: string }, readonly ScalarPoint[]>;
  /** What the user chose; null until then. */
  chosen = $state<string | null>(null);
  /** Whether the user wants a logarithmic scale, where there can be one. */
  logarithmic = $state(false);
  readonly settings: Settings = settings<Steering>(this, {
    chosen: text().as('scalar'),
    logarithmic: word('log', true).as('scale'),
  });

  readonly tag: string | null = $derived.by(() => {
    const tags = this.tags.value ?? [];
    if (this.chosen === NONE) return null;
    return this.chosen !== null && tags.includes(this.chosen) ? this.chosen : steeringTag(tags);
  });
  /** Room is kept for the curve until it is known that there is none. */
  readonly possible: boolean = $derived(this.tags.value === null || this.tags.value.length > 0);
  private readonly last: number = $derived.by(() => this.steps().at(-1) ?? 0);
  /** What is seen of the other parts of a run that was begun again: with them, a scalar is on one axis. */
  readonly around: Around = $derived.by(() => {
    const [own, ...listed] = this.listed();
    return partsAround(own ?? { run: '', steps: this.steps() }, listed);
  });
  /** The points that lie on the timeline, and on those of the other parts. */
  readonly shown: readonly ScalarPoint[] = $derived.by(() =>
    within(this.points.value ?? [], this.around.from, this.around.to).filter(
      ({ step }) => !this.isLater(step),
    ),
  );
  /** Where training was begun again with the same model, as near as the curve tells it. */
  readonly restarts: readonly number[] = $derived.by(() =>
    this.begun().map((step) => {
      const before = this.steps().findLast((one) => one < step) ?? Number.NEGATIVE_INFINITY;
      return begunAgain(this.shown, before, step);
    }),
  );
  /** Before which steps the curve is broken: of another start of training is what follows. */
  readonly broken: readonly number[] = $derived([
    ...this.restarts,
    ...this.around.parts.map(({ broken: [after, upTo] }) => begunAgain(this.shown, after, upTo)),
  ]);
  readonly canBeLogarithmic: boolean = $derived(positive(this.shown));
  readonly scale = $derived(scaleOf(this.shown, this.logarithmic && this.canBeLogarithmic));

  /** Why there is no curve; null where nothing went wrong. */
  readonly error: string | null = $derived.by(() => this.tags.error ?? this.points.error);
  /** Whether there is nothing, or nothing up to the newest checkpoint: a server that was started a moment ago reads them yet. */
  private readonly unread: boolean = $derived.by(() => {
    const { value: points } = this.points;
    return this.tags.value?.length === 0 || (points !== null && (points.at(-1)?.step ?? -1) < this.last);
  });
  private tries = $state(0);

  /** @param steps the timeline's checkpoints: whenever they grow, so do the scalars
   * @param listed the shown run, and all runs, once they are known
   * @param begun the first checkpoints of trainings that went on with the same model */
  constructor(
    private readonly source: DataSource,
    private readonly run: () => string | null,
    private readonly steps: () => readonly number[],
    private readonly listed: () => readonly Listed[] = () => [],
    private readonly begun: () => readonly number[] = () => [],
  ) {
    this.points = new Asked(
      () => {
        const [run, tag] = [this.run(), this.tag];
        return run === null || tag === null ? null : { run, tag };
      },
      (query, signal) => this.source.scalars(query.run, query.tag, signal),
    );
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const run = this.run();
      if (run === null || this.last < 0) return;
      this.tries = 0;
      void this.tags.load((signal) => this.source.scalarTags(run, signal));
    });
    $effect.pre(() => {
      if (this.last >= 0) this.points.follow();
    });
    $effect(() => {
      if (!this.unread || this.source.offers || this.tries >= MOST_TRIES) return;
      const timer = setTimeout(
        () => {
          this.tries++;
          this.retry();
        },
        FIRST_WAIT * 2 ** this.tries,
      );
      return () => clearTimeout(timer);
    });
  }

  retry(): void {
    void this.tags.retry();
    void this.points.retry();
  }

  /** Whether a scalar at this step is of a part that was written later. */
  isLater(step: number): boolean {
    return step > this.around.until && step <= this.last;
  }

  /** The drawn point that is nearest to a step. */
  pointAt(step: number): ScalarPoint | null {
    return this.tag === null || this.isLater(step) ? null : nearestPoint(this.shown, step);
  }

  /** The drawn scalar at the recording nearest to a step, for people; null where there is none. */
  valueAt(step: number): string | null {
    const point = this.pointAt(step);
    return point && formatValue(point.value);
  }

  choose(tag: string | null): void {
    this.chosen = tag ?? NONE;
  }

  get busy(): boolean {
    return this.tags.loading || this.points.loading;
  }

  /** A resumed training has written its scalars again, up to the same step it may be. */
  forget(): void {
    void this.tags.retry();
    this.points.forget();
  }

  leave(): void {
    this.tags.clear();
    this.points.clear();
  }
}
