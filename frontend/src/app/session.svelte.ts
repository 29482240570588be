import { Images } from '../atlas/images.svelte';
import type { Host } from '../base/host';
import { Comparison } from '../compare/compare.svelte';
import { isError } from '../encoding/colouring';
import { Looks } from '../encoding/looks.svelte';
import { PointFigures } from '../encoding/point_figures.svelte';
import { Scatter } from '../encoding/scatter.svelte';
import { Exhibits } from '../export/exhibits.svelte';
import { Marks } from '../find/marks.svelte';
import { TokenSearch } from '../find/search.svelte';
import { TokenFilter } from '../find/token_filter.svelte';
import { HeadCamera } from '../head/head_camera.svelte';
import { readHealth, type Series } from '../health/health';
import type { HeadScore } from '../health/scores';
import { ImageView } from '../image/image_view.svelte';
import { Arrangement } from '../matrix/arrangement.svelte';
import { MatrixView } from '../matrix/matrix_view.svelte';
import { Scoring } from '../matrix/scoring.svelte';
import { Playback } from '../playback/playback.svelte';
import type { Attention } from '../reading/attention';
import { Sentence } from '../reading/sentence.svelte';
import { type Grid, type HeadPlace, headPlace, makeGrid } from '../render/layout';
import { Theme } from '../render/theme.svelte';
import { Latest } from '../run/latest.svelte';
import { type LayerTokens, layerTokens, runLists, selectedIn, type TokenAt } from '../run/lists';
import { NumberedSource } from '../run/numbering';
import { counterpart, type TokenIndex } from '../run/places';
import { DEFAULT_PROJECTION, isSlow, type Projection } from '../run/projection';
import { listTitles } from '../run/sides';
import type { DataSource } from '../run/source';
import type { Alert, Dims, HealthDocument, Run, Runs, TokenList, Trust } from '../run/types';
import { toNumber } from '../run/types';
import { PointLoader } from '../shown/loader.svelte';
import { hasOutgrown } from '../shown/outgrown';
import { ShownSteps } from '../shown/shown.svelte';
import { Steering } from '../timeline/steering.svelte';
import { Trails } from '../trails/trails.svelte';
import { enterRun, followSteps, goTo } from './entering';
import { fetchAttention, fetchPoints, fetchTrust } from './fetching';
import { browserStorage, Introduction } from './introduction.svelte';
import { placeOf } from './linking';
import { isReady } from './readiness';
import type { Place } from './url';

/** A token of the probe, as a query or as a key. */
export type Selection = TokenAt;

/** What the tab shows and what it knows: the one place that the views read and change. */
export class Session {
  readonly theme: Theme;
  readonly loader: PointLoader;
  readonly steering: Steering;
  readonly playback = new Playback(() => !this.reducedMotion);
  readonly runs = new Latest<Runs>();
  readonly probe = new Latest<TokenIndex>();
  readonly figures = new Latest<HealthDocument>();
  readonly alerts = new Latest<readonly Alert[]>();
  readonly attention = new Latest<Attention>();
  readonly sentence = new Sentence(this);
  readonly scatter = new Scatter();
  readonly introduction: Introduction;
  /** How far the opened head's picture can be believed. */
  readonly trust = new Latest<Trust>();

  runName = $state<string | null>(null);
  projection = $state.raw<Projection>(DEFAULT_PROJECTION);
  dims = $state<Dims>(2);
  /** The id of what the points' colours tell. */
  colouring = $state('kind');
  /** The health figure that colours the cells. */
  tint = $state<string | null>(null);
  /** What a link asks for that its run has still to be entered for. */
  wanted: Place | null = null;
  readonly headCamera = new HeadCamera();
  readonly exhibits = new Exhibits();
  /** Css pixels of the head view's panel, once the user has chosen; else it takes its share. */
  panelWidth = $state<number | null>(null);
  /** The step up to which the frame is fitted. */
  frame = $state<number | null>(null);
  refitLive = $state(false);
  opened = $state.raw<HeadPlace | null>(null);
  private selected = $state.raw<Selection | null>(null);
  readonly filter = new TokenFilter(this);
  readonly search = new TokenSearch(this);
  readonly marks = new Marks(this);
  /** Whether the user has stopped a slow projection of the matrix; the opened head is made all the same. */
  stopped = $state(false);
  /** Scenes that have a picture which they have not drawn yet. */
  drawing = $state(0);
  /** When the last new checkpoint came. */
  grownAt = $state(Number.NEGATIVE_INFINITY);
  /** Milliseconds from then on for which it counts as live. */
  patience = $state(0);
  private now = $state(Date.now());
  readonly reducedMotion: boolean;

  /** Of heads that all have the same points. */
  readonly source: DataSource;

  constructor(
    source: DataSource,
    readonly host: Host,
    /** What the link asks for. */
    start: Place,
  ) {
    this.reducedMotion = host.window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.theme = new Theme(host);
    this.source = new NumberedSource(source);
    this.loader = new PointLoader(this.source);
    this.introduction = new Introduction(browserStorage(host.window));
    this.steering = new Steering(
      this.source,
      () => (this.run?.error === null ? this.run.run : null),
      () => this.playback.steps,
    );
    goTo(this, start);
  }

  readonly run: Run | null = $derived(this.runs.value?.runs.find(({ run }) => run === this.runName) ?? null);
  readonly layers = $derived(this.run?.layers ?? []);
  /** The lists of tokens that its layers attend from and to, and which of them each layer has. */
  readonly lists: readonly TokenList[] = $derived(this.run ? runLists(this.run) : []);
  readonly layerTokens: readonly LayerTokens[] = $derived(
    this.lists.length > 0 ? this.layers.map((layer) => layerTokens(this.lists, layer)) : [],
  );
  /** What the lists are called; empty where there is one, which needs no name. */
  readonly listTitles: readonly string[] = $derived(
    this.run?.lists ? listTitles(this.lists, this.layers, this.probe.value?.sequences[0]) : [],
  );
  /** What was selected, as the opened head has it: another layer may have other tokens. */
  private readonly selectedHere: Selection | null = $derived.by(() => {
    const tokens = this.layerTokens[this.opened?.layer ?? -1];
    const { selected, lists } = this;
    if (!selected || !tokens) return selected;
    const found = selectedIn(lists, tokens, selected);
    const index = this.probe.value;
    if (found.list === selected.list || !index) return found;
    return { ...found, token: counterpart(index, selected, found.list) };
  });
  readonly grid: Grid = $derived(makeGrid(this.layers.map(({ heads }) => heads)));
  readonly health: ReadonlyMap<string, Series> | null = $derived(
    this.figures.value && readHealth(this.figures.value),
  );
  readonly series: Series | null = $derived(this.health?.get(this.tint ?? '') ?? null);
  /** What heads are sorted, filtered and marked by. */
  readonly scoring = new Scoring(this);
  readonly scores: readonly HeadScore[] = $derived(this.scoring.all);
  readonly arrangement = new Arrangement(this);
  readonly slow: boolean = $derived(isSlow(this.projection));
  readonly live: boolean = $derived(this.now - this.grownAt < this.patience);
  readonly newest: number | null = $derived(this.playback.steps.at(-1) ?? null);
  /** Checkpoints that came after the frame. */
  readonly newer: number = $derived(
    this.playback.steps.filter((step) => this.frame !== null && step > this.frame).length,
  );

  readonly places: readonly HeadPlace[] = $derived(
    Array.from({ length: this.grid.total }, (_, number) => headPlace(this.grid, number)),
  );
  readonly matrix = new ShownSteps(this, () =>
    this.run ? { heads: this.places, dims: 2, alone: null } : null,
  );
  readonly headView = new ShownSteps(this, () =>
    this.opened
      ? { heads: [this.opened], dims: this.dims, alone: this.marks.alone ? this.marks.group : null }
      : null,
  );
  /** The second one of two runs, or steps, that are compared. */
  readonly against = new Comparison(this);
  readonly trails = new Trails(this);
  readonly matrixView = new MatrixView(() => !this.reducedMotion);
  /** Numbers of the heads that are looked at: these come first. */
  readonly inView: Uint32Array = $derived.by(() =>
    Uint32Array.from(new Set([...this.arrangement.pinned, ...this.matrixView.visible])),
  );
  readonly looks = new Looks(this);
  readonly images = new Images(this);
  readonly imageView = new ImageView(this);
  readonly pointFigures = new PointFigures(this);
  /** Whether the opened head has its own picture of this step. */
  readonly pictured: boolean = $derived.by(() => {
    const { loader, headView, playback } = this;
    return headView
      .queries([playback.index])
      .every((query) => loader.arrivals >= 0 && loader.get(query) !== null);
  });
  /** The picture that the held trust is about, the run that was entered, and its steps then. */
  judged: string | null = null;
  entered: string | null = null;
  seen = '';

  /** Heads of the shown step that no longer fit their frame. */
  readonly outgrown: number = $derived.by(() => {
    const pair = this.matrix.pair;
    if (!pair || this.frame === null || pair.toStep <= this.frame) return 0;
    return pair.to.heads.filter((points) => points !== null && hasOutgrown(points)).length;
  });

  /** How wrong each point of the opened head is placed, while that is what colours it. */
  readonly errors: Float32Array | null = $derived.by(() => {
    const { colouring, marks } = this;
    const trust = this.trust.value;
    if (!trust || marks.alone || !isError(colouring)) return null;
    return Float32Array.from(trust[colouring], toNumber);
  });

  /** Whether everything that was asked for is drawn. */
  readonly ready: boolean = $derived.by(() => isReady(this));
  /** What a link to this view says; null while nothing is shown. */
  readonly place: Place | null = $derived.by(() => placeOf(this));

  /** Sets up what follows from what; to be called while a component is made. */
  begin(): void {
    $effect.pre(() => enterRun(this));
    this.steering.begin();
    $effect.pre(() => followSteps(this));
    this.arrangement.begin();
    this.scoring.begin();
    $effect.pre(() => fetchPoints(this));
    $effect.pre(() => fetchAttention(this));
    this.sentence.begin();
    this.pointFigures.begin();
    this.images.begin();
    this.imageView.begin();
    this.filter.begin();
    this.search.begin();
    this.against.begin();
    $effect.pre(() => fetchTrust(this));
  }

  async refreshRuns(): Promise<void> {
    const held = this.runs.value;
    await this.runs.load(async (signal) => {
      const runs = await this.source.runs(signal);
      // An equal answer must stay the same object, or everything that depends on it would be made again.
      return held && JSON.stringify(held) === JSON.stringify(runs) ? held : runs;
    });
    this.now = Date.now();
    const found = this.runs.value?.runs ?? [];
    if (found.some(({ run }) => run === this.runName)) return;
    const other = found.find(({ error }) => error === null) ?? found[0];
    if (!other) return; // what was shown may come back
    // A run that was shown and is gone: another one has other heads. What a link asks of one that never was, it keeps.
    if (this.entered !== null && this.entered === this.runName) this.chooseRun(other.run);
    else this.runName = other.run;
  }

  chooseRun(name: string): void {
    if (this.against.own || this.against.name === name) this.against.clear();
    this.runName = name;
    this.playback.loop = null;
    this.sentence.pins.clear();
    this.close();
  }

  /** Another method, or other parameters of it. */
  project(change: Partial<Projection>): void {
    this.projection = { ...this.projection, ...change };
    this.stopped = false;
  }

  refit(): void {
    this.frame = this.newest;
  }

  get selection(): Selection | null {
    return this.selectedHere;
  }

  set selection(selection: Selection | null) {
    this.selected = selection;
  }

  open(place: HeadPlace): void {
    this.opened = place;
  }

  isOpened({ layer, head }: HeadPlace): boolean {
    return this.opened?.layer === layer && this.opened.head === head;
  }

  close(): void {
    this.opened = null;
    this.selection = null;
    this.headCamera.reset();
    this.marks.mark(null);
    if (isError(this.colouring)) this.colouring = 'kind'; // errors are of an opened head
  }

  /** One step back: from a group by itself to the head, from what is selected to nothing, from the head to none. */
  back(): void {
    const { marks } = this;
    if (marks.alone) marks.alone = false;
    else if (marks.group) marks.mark(null);
    else if (this.selection) this.selection = null;
    else this.close();
  }

  /** Another sequence, of which the token at the same position is selected. */
  read(number: number): void {
    const { selection } = this;
    const sequences = this.probe.value?.lists[selection?.list ?? 0]?.sequences ?? [];
    const sequence = Math.min(sequences.length - 1, Math.max(0, number));
    const length = sequences[sequence]?.tokens.length ?? 0;
    if (selection && length > 0)
      this.selection = { ...selection, sequence, token: Math.min(selection.token, length - 1) };
  }

  /** Selects a query or key by its number among a head's points. */
  selectPoint(point: number): void {
    const { run } = this;
    const tokens = this.probe.value;
    if (!run || !tokens) return;
    const side = point < run.queries ? 'query' : 'key';
    const token = side === 'query' ? point : point - run.queries;
    const sequence = tokens.sequence[token];
    const position = tokens.position[token];
    if (sequence !== undefined && position !== undefined)
      this.selection = { sequence, list: tokens.list[token] ?? 0, token: position, side };
  }

  destroy(): void {
    this.loader.destroy();
    this.theme.destroy();
  }
}
