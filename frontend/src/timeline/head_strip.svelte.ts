import { untrack } from 'svelte';
import { stepName } from '../base/numbers';
import { placeOfStep } from '../base/steps';
import { figureTitle } from '../health/figures';
import type { RunHealth } from '../health/run_health.svelte';
import type { Playback } from '../playback/playback.svelte';
import { type Grid, headPlace } from '../render/layout';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { headLabel } from '../run/labels';
import type { RunState } from '../run/run_state.svelte';
import { choice, mapped, type Settings, settings } from '../run/setting';
import { pooled, type StripPicture, type StripPlan } from './pooling';
import { bandsOf, columnsOf, placeIn, type Rect, type Stroke, strokeNear, toldAt } from './strip';

/** Css pixels of the tab's height from which on the strip is shown unless it was folded away. */
const ROOM = 640;
/** Css pixels of a head, and of the strip: at least, and at most as a share of the tab's height. */
const HEAD = 7;
const LOW = 28;
const HIGH = 0.08;
/** Css pixels from the timeline's ends to its first and its last step. */
export const PAD = 9;
/** Css pixels from the pointer to the mark that is meant. */
const SNAP = 4;
/** Milliseconds of work at a time. */
const SLICE = 8;

interface Needs {
  readonly data: { readonly run: Pick<RunState, 'run'>['run']; readonly layers: RunState['layers'] };
  readonly health: Pick<RunHealth, 'series' | 'tint' | 'held'>;
  readonly playback: Pick<Playback, 'steps' | 'step' | 'glideTo'>;
  readonly focus: Pick<Focus, 'opened' | 'open'>;
}

/** A head, by its number, at a step. */
interface Moment {
  readonly number: number;
  readonly step: number;
}

/** The strip above the timeline: the figure that tints the cells, of all heads over all steps. */
export class HeadStrip implements Feature {
  /** Whether the user wants it; null: where there is room. */
  chosen = $state<boolean | null>(null);
  readonly settings: Settings = settings<HeadStrip>(this, {
    chosen: mapped(
      choice(['shown', 'folded'] as const),
      (said) => said === 'shown',
      (shown) => (shown ? 'shown' : 'folded'),
    )
      .or(null)
      .as('strip'),
  });
  /** Css pixels: the tab's height, and the width of the timeline. */
  room = $state(0);
  width = $state(0);
  /** Pixels of the canvas in one. */
  ratio = $state(1);
  picture = $state.raw<StripPicture | null>(null);
  /** Where the pointer is, in css pixels, and the moment that the keys are at; null: elsewhere. */
  pointer = $state.raw<readonly [x: number, y: number] | null>(null);
  cursor = $state.raw<Moment | null>(null);
  /** Marked moments, where they are drawn: near one the pointer means it, whatever lies beside it. */
  strokes = $state.raw<readonly (Moment & Stroke)[]>([]);

  /** @param grid how the heads are arranged */
  constructor(
    private readonly session: Needs,
    private readonly grid: () => Grid,
    private readonly clock = () => performance.now(),
  ) {}

  /** Whether the tint is a figure that is known over the steps; what is computed for one step alone has no strip. */
  readonly possible: boolean = $derived.by(() => {
    const { data, health } = this.session;
    return (data.run?.figures ?? []).includes(health.tint ?? '') && health.held.error === null;
  });
  readonly open: boolean = $derived.by(() => this.possible && (this.chosen ?? this.room >= ROOM));
  /** Css pixels. */
  readonly height: number = $derived.by(() =>
    Math.round(Math.max(LOW, Math.min(HEAD * this.grid().shown, HIGH * this.room))),
  );

  private readonly plan: StripPlan | null = $derived.by(() => {
    const { series } = this.session.health;
    const extremes = series?.extremes;
    const [width, height] = [Math.round(this.width * this.ratio), Math.round(this.height * this.ratio)];
    if (!this.open || !series || !extremes || width === 0) return null;
    const columns = columnsOf(this.session.playback.steps, series, width, PAD * this.ratio);
    return { series, extremes, bands: bandsOf(this.grid(), height), columns, width, height };
  });

  /** What is under the pointer, else what the keys are at. */
  readonly at: Moment | null = $derived.by(() => {
    const { pointer, picture, strokes } = this;
    if (!pointer || !picture) return this.cursor;
    const near = strokeNear(strokes, ...pointer, SNAP);
    return near ? { number: near.number, step: near.step } : this.under(picture, ...pointer);
  });
  /** Where that lies, in css pixels. */
  readonly place: Rect | null = $derived.by(() => {
    const { at, ratio, picture } = this;
    const found = at && picture && placeIn(picture.plan.bands, picture.plan.columns, at.number, at.step);
    if (!found) return null;
    const { left, top, width, height } = found;
    return { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
  });
  /** "L3 H7, step 1,200: entropy 0.120"; where a step's own value is not here "entropy 0.120 to 0.340 around it" */
  readonly says: string | null = $derived.by(() => {
    const { at, picture } = this;
    if (!at || !picture) return null;
    const { series } = picture.plan;
    const { layer, head } = headPlace(this.grid(), at.number);
    const told = toldAt(picture.plan, at.number, at.step);
    return `${headLabel(this.session.data.layers, layer, head)}, ${stepName(at.step)}: ${figureTitle(series.name).toLowerCase()} ${told}`;
  });

  begin(): void {
    $effect(() => {
      const { plan } = this;
      const held = untrack(() => this.picture);
      if (held && held.plan.series.name !== plan?.series.name) this.picture = null;
      return plan ? this.work(plan) : undefined;
    });
  }

  get busy(): boolean {
    return this.plan !== null && this.picture?.plan !== this.plan;
  }

  leave(): void {
    this.picture = null;
    this.cursor = null;
  }

  toggle(): void {
    this.chosen = !this.open;
  }

  /** From where the keys are, or else from the opened head at the shown step. */
  walk(dx: number, dy: number): void {
    const { plan } = this;
    const { playback, focus } = this.session;
    const numbers = plan?.bands.flatMap((band) => band.numbers) ?? [];
    const steps = plan?.columns.steps ?? [];
    if (numbers.length === 0 || steps.length === 0) return;
    const { first } = this.grid();
    const opened = focus.opened && (first[focus.opened.layer] ?? 0) + focus.opened.head;
    const start = { number: opened ?? numbers[0] ?? 0, step: playback.step ?? 0 };
    const from = this.cursor ?? start;
    const within = (at: number, count: number) => Math.max(0, Math.min(count - 1, at));
    const row = within(numbers.indexOf(from.number) + dy, numbers.length);
    const column = within(steps.indexOf(from.step) + dx, steps.length);
    this.cursor = { number: numbers[row] ?? 0, step: steps[column] ?? 0 };
  }

  /** Goes to where the pointer or the keys are: opens that head at the checkpoint nearest to that step.
   * @returns whether they are anywhere */
  enter(): boolean {
    const { at, place } = this;
    const { playback, focus } = this.session;
    if (!at || !place) return false;
    playback.glideTo(Math.round(placeOfStep(playback.steps, at.step)));
    focus.open(headPlace(this.grid(), at.number));
    return true;
  }

  /** What the pixel there shows. */
  private under({ plan, shown }: StripPicture, x: number, y: number): Moment | null {
    const column = Math.floor((x / this.width) * plan.width);
    const row = Math.floor((y / this.height) * plan.height);
    if (column < 0 || row < 0 || column >= plan.width || row >= plan.height) return null;
    const found = shown[row * plan.width + column] ?? -1;
    const step = plan.columns.steps[Math.floor(found / plan.series.heads)];
    return step === undefined ? null : { number: found % plan.series.heads, step };
  }

  /** Makes the picture, some of it at a time. The last one stays until then.
   * @returns stops it */
  private work(plan: StripPlan): () => void {
    const making = pooled(plan);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const slice = () => {
      const end = this.clock() + SLICE;
      do {
        const { done, value } = making.next();
        if (done) {
          this.picture = value;
          return;
        }
      } while (this.clock() < end);
      timer = setTimeout(slice);
    };
    slice();
    return () => clearTimeout(timer);
  }
}
