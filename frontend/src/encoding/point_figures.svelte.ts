import { ArrayCache } from '../base/cache';
import type { Playback } from '../playback/playback.svelte';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import type { FigureQuery, PointFigure } from '../run/pictures';
import { type DataSource, isAbort, sentence } from '../run/source';
import type { Layer, Run } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import type { Colourings } from './colourings.svelte';
import type { Scatter } from './scatter.svelte';

/** Answers waited for at once: the points of the same step come first. */
const WAITED = 2;
const CACHE_BYTES = 192 * 2 ** 20;
/** A head's range leaves out its least and its largest values: one outlier would take the colour from all others. */
const QUANTILES = [0.02, 0.98] as const;

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly layers: readonly Layer[];
    readonly source: Pick<DataSource, 'pointFigures'>;
  };
  readonly focus: Pick<Focus, 'opened'>;
  readonly playback: Pick<Playback, 'steps' | 'index' | 'step'>;
  readonly axes: Pick<Axes, 'frame'>;
  readonly colourings: Pick<Colourings, 'figure'>;
  readonly scatter: Pick<Scatter, 'sized'>;
  /** Numbers of the heads that are looked at. */
  readonly inView: Uint32Array;
}

/** Figures of the queries and keys of the heads in view, a layer at a time, at the step that is shown. */
export class PointFigures implements Feature {
  error = $state<string | null>(null);
  /** Grows with every answer: what is read here changes then. */
  private arrivals = $state(0);
  private readonly cache = new ArrayCache(CACHE_BYTES);
  private readonly failed = new Set<string>();
  private readonly running = new Map<string, AbortController>();

  constructor(private readonly session: Needs) {}

  /** What is needed of the server, what is looked at first. */
  private readonly asked: readonly FigureQuery[] = $derived.by(() => {
    const { inView } = this.session;
    const { opened } = this.session.focus;
    const { figure } = this.session.colourings;
    const { sized } = this.session.scatter;
    const seen = figure === null ? [] : [...inView].map((number) => this.layerOf[number] ?? 0);
    const layers = new Set([...(opened ? [opened.layer] : []), ...seen]);
    return [...layers].flatMap((layer) => [
      ...(sized && layer === opened?.layer ? this.queries('norm', layer) : []),
      ...(figure === null ? [] : this.queries(figure, layer)),
    ]);
  });

  /** Of each head, counted over all layers. */
  private readonly layerOf: readonly number[] = $derived.by(() =>
    this.session.data.layers.flatMap(({ heads }, layer) => new Array<number>(heads).fill(layer)),
  );

  readonly busy: boolean = $derived(this.arrivals >= 0 && this.asked.some((query) => !this.settled(query)));

  /** Each point of a layer at the shown step, [heads × points]: what may be told of it. Null while it is not here. */
  told(figure: PointFigure, layer: number): Float32Array | null {
    const { step } = this.session.playback;
    const { run } = this.session.data;
    if (!run || step === null || this.arrivals < 0) return null;
    return this.cache.get(keyOf({ run: run.run, step, layer, figure }));
  }

  /** The same as it is drawn: until those of the shown step are here, of the nearest checkpoint that is; null before any is,
   * and where they will not come. */
  values(figure: PointFigure, layer: number): Float32Array | null {
    const { playback } = this.session;
    const { run } = this.session.data;
    const { step } = playback;
    if (!run || step === null || this.arrivals < 0) return null;
    if (this.failed.has(keyOf({ run: run.run, step, layer, figure }))) return null;
    for (let away = 0; away < playback.steps.length; away++) {
      for (const index of away === 0 ? [playback.index] : [playback.index - away, playback.index + away]) {
        const step = playback.steps[index];
        const found =
          step === undefined ? null : this.cache.get(keyOf({ run: run.run, step, layer, figure }));
        if (found) return found;
      }
    }
    return null;
  }

  /** From where to where a head's values go, at all steps: its second to its ninety-eighth percentile at the first step
   * and at the frame's, of queries and keys together. A figure's scale belongs to a frame, as axes do: it is the same at
   * every step, and whatever is recorded later. */
  range(figure: PointFigure, layer: number, head: number, points: number): readonly [number, number] | null {
    const ends = this.ends(figure, layer).flatMap((query) => {
      const values = this.arrivals >= 0 ? this.cache.get(keyOf(query)) : null;
      return values ? [rangeOf(values, head, points)] : [];
    });
    if (ends.length === 0) return null;
    return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      // An answer for another step is on its way to the cache, and may be shown until its own is here.
      const runs = new Set(this.asked.map(({ run, figure }) => `${run} ${figure}`));
      for (const [key, controller] of this.running) {
        if (![...runs].some((prefix) => key.startsWith(prefix))) controller.abort();
      }
      this.fill();
    });
  }

  forget(): void {
    for (const controller of this.running.values()) controller.abort();
    this.cache.clear();
    this.arrivals++;
    this.retry();
  }

  retry(): void {
    this.failed.clear();
    this.error = null;
    this.fill();
  }

  private fill(): void {
    for (const query of this.asked) {
      if (this.running.size >= WAITED) return;
      if (!this.settled(query) && !this.running.has(keyOf(query))) void this.fetch(query);
    }
  }

  private async fetch(query: FigureQuery): Promise<void> {
    const key = keyOf(query);
    const controller = new AbortController();
    this.running.set(key, controller);
    try {
      const { data } = await this.session.data.source.pointFigures(query, controller.signal);
      if (controller.signal.aborted) return;
      this.cache.set(key, data);
      this.error = null;
    } catch (error) {
      if (!controller.signal.aborted && !isAbort(error)) {
        this.failed.add(key);
        this.error = sentence(error);
      }
    } finally {
      this.running.delete(key);
      this.arrivals++;
      this.fill();
    }
  }

  private settled(query: FigureQuery): boolean {
    const key = keyOf(query);
    return this.cache.has(key) || this.failed.has(key);
  }

  private queries(figure: PointFigure, layer: number): FigureQuery[] {
    const { playback } = this.session;
    const { run, layers } = this.session.data;
    const { step } = playback;
    if (figure === 'value_norm' && !layers[layer]?.values) return [];
    return !run || step === null ? [] : [{ run: run.run, step, layer, figure }, ...this.ends(figure, layer)];
  }

  /** The steps that a range is taken from. */
  private ends(figure: PointFigure, layer: number): FigureQuery[] {
    const { playback } = this.session;
    const { run } = this.session.data;
    const { frame } = this.session.axes;
    const [first] = playback.steps;
    if (!run || first === undefined || frame === null) return [];
    return [...new Set([first, frame])].map((step) => ({ run: run.run, step, layer, figure }));
  }
}

const ranges = new WeakMap<Float32Array, Map<number, readonly [number, number]>>();

function rangeOf(values: Float32Array, head: number, points: number): readonly [number, number] {
  const known = ranges.get(values) ?? new Map<number, readonly [number, number]>();
  ranges.set(values, known);
  const found = known.get(head) ?? quantiles(values.subarray(head * points, (head + 1) * points));
  known.set(head, found);
  return found;
}

/** The second and the ninety-eighth percentile of what is finite. */
export function quantiles(values: Float32Array): readonly [number, number] {
  const sorted = values.filter(Number.isFinite).sort();
  const [low = 0, high = 1] = QUANTILES.map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  return [low, high];
}

function keyOf({ run, step, layer, figure }: FigureQuery): string {
  return `${run} ${figure} ${step} ${layer}`;
}
