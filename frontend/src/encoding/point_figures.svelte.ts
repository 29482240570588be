import { Cache } from '../base/cache';
import type { Playback } from '../playback/playback.svelte';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { Loader } from '../run/loader.svelte';
import type { FigureQuery, PointFigure } from '../run/pictures';
import type { DataSource, Waiting } from '../run/source';
import type { Layer, Run } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import type { Colourings } from './colourings.svelte';
import type { Scatter } from './scatter.svelte';

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

class FigureLoader extends Loader<FigureQuery, Float32Array> {
  constructor(private readonly source: () => Needs['data']['source']) {
    super(new Cache(CACHE_BYTES, (values) => values.byteLength));
  }

  protected key({ run, step, layer, figure }: FigureQuery): string {
    return `${run} ${figure} ${step} ${layer}`;
  }

  protected async ask(query: FigureQuery, { signal }: Waiting): Promise<Float32Array> {
    return (await this.source().pointFigures(query, signal)).data;
  }

  /** One of another step may be shown until that of the shown step is here. */
  protected override wants({ run, figure }: FigureQuery): boolean {
    return [...this.wanted.values()].some((query) => query.run === run && query.figure === figure);
  }
}

/** Figures of the queries and keys of the heads in view, a layer at a time, at the step that is shown. */
export class PointFigures implements Feature {
  private readonly loader: FigureLoader;

  constructor(private readonly session: Needs) {
    this.loader = new FigureLoader(() => session.data.source);
  }

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

  readonly busy: boolean = $derived.by(() => this.asked.some((query) => !this.loader.settled(query)));
  /** Why some of what is needed is not here. */
  readonly error: string | null = $derived.by(() => {
    const errors = this.asked.map((query) => this.loader.error(query));
    return errors.find((error) => error !== null) ?? null;
  });

  /** Each point of a layer at the shown step, [heads × points]: what may be told of it. Null while it is not here. */
  told(figure: PointFigure, layer: number): Float32Array | null {
    const { step } = this.session.playback;
    const { run } = this.session.data;
    return run && step !== null ? this.loader.get({ run: run.run, step, layer, figure }) : null;
  }

  /** The same as it is drawn: until those of the shown step are here, of the nearest checkpoint that is; null before any is,
   * and where they will not come. */
  values(figure: PointFigure, layer: number): Float32Array | null {
    return this.nearest(figure, layer)?.values ?? null;
  }

  /** The step of which anything is drawn that is looked at, where that is not the shown one. */
  readonly behind: number | null = $derived.by(() => {
    const { step: shown } = this.session.playback;
    const drawn = this.asked.flatMap(({ figure, layer, step }) =>
      step === shown ? (this.nearest(figure, layer)?.step ?? []) : [],
    );
    return drawn.find((step) => step !== shown) ?? null;
  });

  /** From where to where a head's values go, at all steps: its second to its ninety-eighth percentile at the first step
   * and at the frame's, of queries and keys together. A figure's scale belongs to a frame, as axes do: it is the same at
   * every step, and whatever is recorded later. */
  range(figure: PointFigure, layer: number, head: number, points: number): readonly [number, number] | null {
    const ends = this.ends(figure, layer).flatMap((query) => {
      const values = this.loader.get(query);
      return values ? [rangeOf(values, head, points)] : [];
    });
    if (ends.length === 0) return null;
    return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.loader.want(this.asked));
  }

  forget(): void {
    this.loader.forget();
  }

  retry(): void {
    this.loader.retry();
  }

  private nearest(figure: PointFigure, layer: number) {
    const { playback } = this.session;
    const { run } = this.session.data;
    if (!run || playback.step === null) return null;
    const query = { run: run.run, layer, figure };
    if (this.loader.error({ ...query, step: playback.step }) !== null) return null;
    for (let away = 0; away < playback.steps.length; away++) {
      for (const index of away === 0 ? [playback.index] : [playback.index - away, playback.index + away]) {
        const step = playback.steps[index];
        const values = step === undefined ? null : this.loader.get({ ...query, step });
        if (step !== undefined && values) return { step, values };
      }
    }
    return null;
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
