import { untrack } from 'svelte';
import { type Between, between, placeOfStep } from '../base/steps';
import type { Marks } from '../find/marks.svelte';
import { aligned } from '../health/aligned';
import { type Difference, differenceOf } from '../health/difference';
import { figureTitle } from '../health/figures';
import { FiguresOfRun } from '../health/figures_of_run.svelte';
import type { Series } from '../health/health';
import type { RunHealth } from '../health/run_health.svelte';
import type { HeadScore } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import { countHeads, headNumber } from '../render/layout';
import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import type { RunState } from '../run/run_state.svelte';
import { choice, codec, type Settings, settings, text, whole } from '../run/setting';
import type { Run } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import type { Pair } from '../shown/pair';
import type { Question } from '../shown/questions';
import { type ShownNeeds, ShownSteps } from '../shown/shown.svelte';
import type { TimeSpan } from '../shown/time_span';
import { type Comparable, comparable } from './comparable';

/** What is shown, beside which a second one stands. */
interface Needs extends ShownNeeds {
  readonly data: Pick<RunState, 'run' | 'runs' | 'name' | 'source'>;
  readonly axes: Pick<Axes, 'projection' | 'frame' | 'stopped' | 'dims'>;
  readonly playback: Pick<Playback, 'steps' | 'from' | 'to' | 'index' | 'between' | 'step'>;
  readonly health: Pick<RunHealth, 'figures' | 'series' | 'tint'>;
  readonly marks: Pick<Marks, 'alone'>;
  /** Of every head of the matrix. */
  readonly places: readonly HeadPlace[];
  readonly headView: Pick<ShownSteps, 'pair'>;
}

/** Ways of looking at two: one under the other, two matrices, what one is more than the other. */
export const MODES = ['overlay', 'beside', 'difference'] as const;
export type Mode = (typeof MODES)[number];
/** A step of its own, or the one nearest to the step that is shown, or the newest. */
export type Choice = number | 'same' | 'newest';

/** The second one of two that are compared: another run, or another step of the same (its onion skin). */
export class Comparison implements TimeSpan, Feature {
  /** The second run, which may be the shown one itself; null: nothing is compared. */
  name = $state<string | null>(null);
  choice = $state<Choice>('same');
  way = $state<Mode>('overlay');
  readonly settings: Settings = settings<Comparison>(
    this,
    {
      name: text().as('against'),
      choice: codec<Choice>((said, run) =>
        said === 'same' || said === 'newest' ? said : whole().read(said, run),
      ).as('against_step'),
      way: choice(MODES).stated(),
    },
    () => this.run !== null,
  );
  readonly figures = new FiguresOfRun();
  readonly matrix: ShownSteps;
  readonly headView: ShownSteps;

  constructor(private readonly session: Needs) {
    this.matrix = new ShownSteps(
      session,
      () =>
        this.drawn && this.way !== 'difference'
          ? { heads: session.places, dims: 2, alone: null, seen: this.drawnHeads }
          : null,
      this,
    );
    this.headView = new ShownSteps(
      session,
      () => {
        const { opened } = session.focus;
        return opened && this.draws(opened) && !session.marks.alone
          ? { heads: [opened], dims: session.axes.dims, alone: null }
          : null;
      },
      this,
    );
  }

  readonly run: Run | null = $derived.by(() => {
    const { run: shown, runs } = this.session.data;
    if (this.name === null || !shown || shown.error !== null) return null;
    if (this.name === shown.run && this.choice === 'same') return null; // nothing but the shown step itself
    const found = this.name === shown.run ? shown : runs.value?.runs.find(({ run }) => run === this.name);
    return found && found.error === null && found.steps.length > 0 ? found : null;
  });
  /** Why a second run that was chosen, or that a link names, is not shown; null where it is. */
  readonly absent: string | null = $derived.by(() => {
    const { run: shown, runs } = this.session.data;
    const { name } = this;
    if (name === null || this.run || !runs.value || !shown || shown.error !== null || name === shown.run)
      return null;
    const found = runs.value.runs.find(({ run }) => run === name);
    if (!found)
      return `The run “${name}”, to compare with, is not in the log directory, or is still being read.`;
    return `The run “${name}”, to compare with: ${found.error ?? 'it has no checkpoint yet.'}`;
  });
  /** Whether it is another step of the shown run. */
  readonly own: boolean = $derived.by(() => this.run !== null && this.run.run === this.session.data.name);
  readonly steps: readonly number[] = $derived.by(() => this.run?.steps ?? []);
  readonly inFrameOf: string | null = $derived.by(() => (this.own ? null : this.session.data.name));

  /** Where it is among its own checkpoints. While the timeline's hand glides from one checkpoint to the next, it does so
   * from their counterparts to each other; it rests on checkpoints only. */
  private readonly place: Between = $derived.by(() => {
    const { choice, steps } = this;
    const { playback } = this.session;
    if (choice !== 'same')
      return between(choice === 'newest' ? steps.length - 1 : this.near(choice), steps.length);
    const [from, to] = [playback.from, playback.to].map((index) => this.near(playback.steps[index] ?? 0)) as [
      number,
      number,
    ];
    return between(from + playback.between.mix * (to - from), steps.length);
  });
  readonly from: number = $derived.by(() => this.place.from);
  readonly to: number = $derived.by(() => this.place.to);
  readonly mix: number = $derived.by(() => this.place.mix);
  readonly index: number = $derived.by(() => (this.mix < 0.5 ? this.from : this.to));
  readonly step: number | null = $derived.by(() => this.steps[this.index] ?? null);

  /** Whether both are one step of one run: there is nothing to see yet. */
  readonly same: boolean = $derived.by(() => this.own && this.step === this.session.playback.step);

  readonly comparable: Comparable | null = $derived.by(() => {
    const { run } = this.session.data;
    return this.run && run && comparable(run, this.run);
  });
  /** Whether points of it can be drawn where those of the shown run are. */
  readonly drawn: boolean = $derived.by(
    () => this.comparable?.points.some((there) => there !== null) ?? false,
  );
  /** Numbers of the heads of which they are; null: all. */
  private readonly drawnHeads: ReadonlySet<number> | null = $derived.by(() => {
    if (!this.comparable?.points.includes(null)) return null;
    return new Set(
      [...this.session.places.keys()].filter((number) => this.draws(this.session.places[number])),
    );
  });
  /** Of each head that is shown the number among its own; −1 where it has none. */
  private readonly numbers: Int32Array = $derived.by(() => {
    const own = countHeads(this.run?.layers.map(({ heads }) => heads) ?? []);
    return Int32Array.from(this.session.places, ({ layer, head }) => {
      const there = this.comparable?.heads[layer] ?? null;
      return there === null ? -1 : headNumber(own, { layer: there, head });
    });
  });
  /** What keeps it from being seen, in one sentence. */
  readonly sentence: string | null = $derived.by(() => {
    if (this.figures.error) return this.figures.error;
    const { loader } = this.session;
    const { series } = this.session.health;
    const failed = [...this.headView.queries(this.headView.ends), ...this.matrix.queries(this.matrix.ends)]
      .map((query) => loader.error(query))
      .find((error) => error !== null);
    if (failed) return failed;
    const { comparable: two } = this;
    const differs = this.way === 'difference' && two?.heads.some((there) => there !== null);
    return differs && !series ? 'Choose a tint: its difference is what is shown.' : (two?.sentence ?? null);
  });

  readonly health: ReadonlyMap<string, Series> | null = $derived.by(() => {
    return this.own ? this.session.health.figures : this.figures.figures;
  });
  /** The tinting figure, on the scale of the shown run's, so that one colour means one value in both. */
  readonly series: Series | null = $derived.by(() => {
    const { series } = this.session.health;
    const own =
      series && this.numbers.some((number) => number >= 0) ? this.health?.get(series.name) : undefined;
    return series && own ? aligned(own, series.scale, this.numbers) : null;
  });
  readonly difference: Difference | null = $derived.by(() => {
    const { playback } = this.session;
    const { series } = this.session.health;
    if (this.way !== 'difference' || !series || !this.series || playback.step === null || this.step === null)
      return null;
    const pairs = playback.steps.map((step) => [step, this.counterpart(step)] as const);
    return differenceOf(series, this.series, pairs, [playback.step, this.step]);
  });
  /** The difference as something to sort the matrix by. */
  readonly score: HeadScore | null = $derived.by(() => {
    if (!this.difference) return null;
    const { name, logarithmic, values } = this.difference;
    const title = `Difference of ${figureTitle(name).toLowerCase()}`;
    const reads = logarithmic ? 'decimal logarithm of the ratio' : 'less the second one';
    const about = `${this.name} ${this.choice} ${name}`;
    return { id: 'difference', title, reads: `${figureTitle(name)}, ${reads}.`, about, values };
  });

  /** What lies under the matrix, and under the opened head. */
  readonly underMatrix: Pair | null = $derived.by(() =>
    this.way === 'overlay' && this.matrix.behind === null ? this.matrix.own : null,
  );
  readonly underHead: Pair | null = $derived.by(() => {
    const { own, behind } = this.headView;
    // Points of another dimension cannot lie under those that are still shown, nor may those of another step.
    return behind === null && own?.dims === this.session.headView.pair?.dims ? own : null;
  });

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { run, own, figures } = this;
      if (!run || own) return figures.clear();
      const { source } = this.session.data;
      untrack(() => figures.update(source, run.run));
    });
    $effect(() => {
      if (!this.run || this.own) return;
      const { tint } = this.session.health;
      const pair = this.matrix.pair ? [this.matrix.pair.fromStep, this.matrix.pair.toStep] : [];
      const steps = [...this.around, ...pair];
      this.figures.want({ steps, figures: tint === null ? [] : [tint], head: null });
    });
  }

  forget(): void {
    this.matrix.forget();
    this.headView.forget();
  }

  get busy(): boolean {
    return this.figures.loading || this.matrix.busy || this.headView.busy;
  }

  choose(name: string | null, choice: Choice): void {
    this.name = name;
    this.choice = choice;
  }

  /** Lays a step of the shown run under all others as their onion skin; where it lies already, it goes. */
  pin(step: number | null): void {
    const { name: runName } = this.session.data;
    if (step === null || (this.own && this.choice === step)) {
      this.clear();
      return;
    }
    this.choose(runName, step);
    if (this.way === 'difference') this.way = 'overlay';
  }

  clear(): void {
    this.name = null;
    this.choice = 'same';
  }

  /** What it shows beside this step of the shown run and does not show yet. */
  questions(step: number | undefined): readonly Question[] {
    if (!this.run || this.choice !== 'same' || step === undefined) return [];
    return this.matrix.questions(this.near(step));
  }

  /** Its checkpoints for these of the shown run. */
  upcoming(indices: readonly number[]): number[] {
    if (!this.run || this.choice !== 'same') return [];
    const { steps } = this.session.playback;
    return indices.flatMap((index) => (steps[index] === undefined ? [] : this.near(steps[index])));
  }

  /** The steps that are mixed, and the one that counts. */
  get around(): number[] {
    return [this.steps[this.from], this.steps[this.to]].filter((step) => step !== undefined);
  }

  /** Whether points of this head can be drawn beside those that are shown. */
  private draws(place: HeadPlace | undefined): boolean {
    return place !== undefined && (this.comparable?.points[place.layer] ?? null) !== null;
  }

  private counterpart(step: number): number {
    const index = this.choice === 'same' ? this.near(step) : this.from;
    return this.steps[index] ?? 0;
  }

  /** Number of the checkpoint nearest to a step. */
  private near(step: number): number {
    return Math.round(placeOfStep(this.steps, step));
  }
}
