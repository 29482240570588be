import { untrack } from 'svelte';
import type { RunHealth } from '../health/run_health.svelte';
import { type HeadScore, ranked, valuesAt } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import { arrangeByLayer, arrangeInOrder, betterTurned } from '../render/arrange';
import { FOLDED, type Grid, headNumber } from '../render/layout';
import type { Feature } from '../run/feature';
import { type HeadPlace, headList, layerList } from '../run/head';
import { groupLayers } from '../run/modules';
import type { RunState } from '../run/run_state.svelte';
import { choice, codec, type Settings, settings, text, whole, word } from '../run/setting';
import { CellGlide } from './cell_glide.svelte';
import type { Extent } from './extent';
import {
  EVERY_HEAD,
  type HeadFilter,
  isFiltering,
  passing,
  SCORE,
  type ScoreRange,
  scoreRanges,
} from './head_filter';
import { HeldScores } from './held_scores.svelte';
import type { Likeness } from './likeness.svelte';
import type { MatrixView } from './matrix_view.svelte';
import { isDescending, type Order } from './order';

/** What heads are arranged by, and what is told when they move. */
interface Needs {
  readonly data: Pick<RunState, 'layers'>;
  readonly grid: Grid;
  readonly places: readonly HeadPlace[];
  readonly playback: Pick<Playback, 'step'>;
  readonly health: Pick<RunHealth, 'figures' | 'tint'>;
  readonly scoring: {
    readonly arranging: readonly HeadScore[];
    readonly likeness: Pick<Likeness, 'to' | 'elsewhere' | 'follow'>;
  };
  readonly matrixView: Pick<MatrixView, 'chosen'>;
  readonly reducedMotion: boolean;
}

/** Which heads the matrix shows and where their cells lie. Scores count as they are at one step, the basis: cells
 * change places when the user says so, not at every step of Play. */
export class Arrangement implements Feature {
  by = $state<Order>('layer');
  descending = $state(true);
  filter = $state.raw<HeadFilter>(EVERY_HEAD);
  /** The step whose values sort and filter. */
  basis = $state<number | null>(null);
  /** Heads that stand apart, in the order in which they were pinned. */
  pins = $state.raw<readonly HeadPlace[]>([]);
  /** Layers whose heads are tiles in a thin row. */
  folded = $state.raw<readonly number[]>([]);
  /** The score that draws the cells' borders, and whether cells show the tint's curve over the steps. */
  border = $state<string | null>(null);
  curves = $state(true);
  readonly settings: Settings = settings<Arrangement>(this, {
    by: text(SCORE).as('arrange'),
    direction: choice(['up', 'down'] as const)
      .or(null)
      .as('order'),
    basis: whole()
      .as('sorted')
      .when(() => this.scored && this.basis !== this.session.playback.step),
    names: codec<string>(
      (said) => said.slice(0, 200),
      (names) => names.trim(),
    )
      .or('')
      .as('heads'),
    ranges: scoreRanges.as('range'),
    pins: headList.as('pinned'),
    folded: layerList,
    border: text(SCORE),
    curves: word('0', false),
  });
  /** Width of the matrix's room over its height. */
  aspect = $state(1.6);
  /** Whether layers stand side by side, because cells are larger so. */
  private turned = $state(false);

  /** What is known at the basis of scores that are known for the shown step only. */
  private readonly held = new HeldScores();
  private readonly glide: CellGlide;

  constructor(private readonly session: Needs) {
    this.glide = new CellGlide(
      () => this.grid,
      () => !session.reducedMotion,
    );
  }

  readonly filtering: boolean = $derived(isFiltering(this.filter));
  /** The score that sorts, and those that filter. */
  private readonly sorting: string | null = $derived(
    this.by === 'layer' || this.by === 'name' ? null : this.by,
  );
  private readonly ranging: readonly string[] = $derived(this.filter.ranges.map(({ score }) => score));
  /** The ones that the places of the heads hang on. */
  readonly told: readonly string[] = $derived(
    [this.sorting, ...this.ranging].filter((id, i, all) => id !== null && all.indexOf(id) === i) as string[],
  );
  private readonly scored: boolean = $derived(this.told.length > 0);

  /** Whether something shows this score. */
  uses(id: string): boolean {
    return this.places(id) || this.border === id || this.session.health.tint === id;
  }

  /** Whether the places of the heads hang on this score. */
  places(id: string): boolean {
    return this.sorting === id || this.ranging.includes(id);
  }

  /** Which way the heads are sorted, where it is not the usual one. */
  get direction(): 'up' | 'down' | null {
    if (this.by === 'layer' || this.descending === isDescending(this.by)) return null;
    return this.descending ? 'down' : 'up';
  }

  set direction(direction: 'up' | 'down' | null) {
    this.descending = direction ? direction === 'down' : isDescending(this.by);
  }

  get names(): string {
    return this.filter.names;
  }

  set names(names: string) {
    this.filter = { ...this.filter, names };
  }

  get ranges(): readonly ScoreRange[] {
    return this.filter.ranges;
  }

  set ranges(ranges: readonly ScoreRange[]) {
    this.filter = { ...this.filter, ranges };
  }

  private readonly groups = $derived.by(() => groupLayers(this.session.data.layers));

  /** Numbers of the heads that have a cell. */
  readonly shown: readonly number[] = $derived.by(() => {
    const { places, data } = this.session;
    return passing(this.filter, data.layers, places, (id) => this.valuesOf(id));
  });

  private readonly order: ArrayLike<number> | null = $derived.by(() => {
    if (this.by === 'layer') return null;
    if (this.sorting === null) return this.descending ? this.shown.toReversed() : this.shown;
    return ranked(this.shown, this.valuesOf(this.sorting) ?? [], this.descending);
  });

  readonly grid: Grid = $derived.by(() => {
    const { session, order } = this;
    if (order) return arrangeInOrder(session.grid, order, this.aspect);
    const shown = new Set(this.shown);
    const folded = new Set(this.folded);
    return arrangeByLayer(session.grid, this.groups, (number) => shown.has(number), {
      folded: (layer) => folded.has(layer),
      turned: this.turned,
    });
  });

  /** Whether the heads would stand otherwise by the values of the shown step. */
  readonly outdated: boolean = $derived.by(() => {
    const { sorting, told, basis } = this;
    const { step } = this.session.playback;
    if (this.places('likeness') && this.session.scoring.likeness.elsewhere) return true;
    if (told.length === 0 || step === null || step === basis) return false;
    if (told.some((id) => this.now(id) === null)) return false;
    const { places, data } = this.session;
    const shown = passing(this.filter, data.layers, places, (id) => this.now(id));
    const order = sorting === null ? shown : ranked(shown, this.now(sorting) ?? [], this.descending);
    const held = this.order ?? this.shown;
    return order.length !== held.length || order.some((number, i) => number !== held[i]);
  });

  /** Where the cells are at this moment: on their way, after a change. [heads, 4] */
  readonly rects: Float32Array = $derived.by(() => this.glide.rects);
  readonly gliding: boolean = $derived.by(() => this.glide.active);
  /** What the camera sees as all of the matrix: it goes along with the cells. */
  readonly extent: Extent = $derived.by(() => this.glide.extent);

  begin(): void {
    $effect.pre(() => {
      const { places } = this.session;
      const layers = new Set(this.shown.map((number) => places[number]?.layer ?? 0));
      const heads = new Set(this.shown.map((number) => places[number]?.head));
      const folded = this.folded.filter((layer) => layers.has(layer)).length;
      const deep = Math.max(1, layers.size - (1 - FOLDED) * folded);
      const turned = betterTurned(
        deep,
        Math.max(1, heads.size),
        this.aspect,
        untrack(() => this.turned),
      );
      this.turned = turned && this.groups.length === 1; // names of groups stand above their rows
    });
    $effect.pre(() => {
      const { step } = this.session.playback;
      if (this.basis === null && step !== null) this.basis = step;
    });
    $effect.pre(() => {
      const { scoring, playback } = this.session;
      if (playback.step !== this.basis) return;
      this.held.take(scoring.arranging.filter(({ id }) => this.told.includes(id)));
    });
    this.glide.begin();
  }

  get busy(): boolean {
    return this.gliding;
  }

  /** What sorts and filters may be of a training that was discarded. */
  forget(): void {
    this.held.clear();
  }

  leave(): void {
    this.held.clear();
    this.basis = null;
    this.pins = [];
    this.folded = [];
    this.session.scoring.likeness.to = null;
    if (this.by === 'likeness') this.by = 'layer';
  }

  arrange(by: Order, descending = this.descending): void {
    this.by = by;
    this.descending = descending;
    this.again();
  }

  show(change: Partial<HeadFilter>): void {
    this.filter = { ...this.filter, ...change };
    this.again();
  }

  /** Shows only heads whose figure lies within a range; null leaves an end open. */
  keep(range: ScoreRange): void {
    const { score, least, most } = range;
    const others = this.filter.ranges.filter((other) => other.score !== score);
    this.show({ ranges: least === null && most === null ? others : [...others, range] });
  }

  /** Sorts and filters by the values of the shown step. */
  again(): void {
    const { step } = this.session.playback;
    this.session.scoring.likeness.follow();
    if (step !== this.basis) this.held.clear();
    this.basis = step;
    this.session.matrixView.chosen = null; // heads have moved: what was in view is elsewhere
  }

  /** Folds a layer, or unfolds it. */
  fold(layer: number): void {
    this.folded = this.folded.includes(layer)
      ? this.folded.filter((one) => one !== layer)
      : [...this.folded, layer].sort((a, b) => a - b);
    this.session.matrixView.chosen = null; // what was in view is elsewhere
  }

  /** Folds all layers but one; unfolds them where they are. */
  foldOthers(layer: number): void {
    const others = this.session.data.layers.map((_, at) => at).filter((at) => at !== layer);
    this.folded = others.every((at) => this.folded.includes(at)) ? [] : others;
    this.session.matrixView.chosen = null;
  }

  isPinned({ layer, head }: HeadPlace): boolean {
    return this.pins.some((pin) => pin.layer === layer && pin.head === head);
  }

  pin({ layer, head }: HeadPlace): void {
    const others = this.pins.filter((pin) => pin.layer !== layer || pin.head !== head);
    this.pins = others.length < this.pins.length ? others : [...this.pins, { layer, head }];
  }

  /** Numbers of the pinned heads. */
  readonly pinned: readonly number[] = $derived.by(() =>
    this.pins.map((pin) => headNumber(this.session.grid, pin)),
  );

  /** Of the basis; null while nothing is known. */
  private valuesOf(id: string): ArrayLike<number> | null {
    const series = this.session.health.figures?.get(id);
    if (series && this.basis !== null) return valuesAt(series, this.basis);
    return this.held.valuesOf(id, this.session.scoring.arranging);
  }

  private now(id: string): Float64Array | null {
    const values = this.session.scoring.arranging.find((score) => score.id === id)?.values;
    return values?.some((value) => !Number.isNaN(value)) ? values : null;
  }
}
