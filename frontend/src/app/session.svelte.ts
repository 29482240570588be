import { Images } from '../atlas/images.svelte';
import type { Host } from '../base/host';
import { Comparison } from '../compare/compare.svelte';
import { Connections } from '../connections/connections.svelte';
import { isError } from '../encoding/colouring';
import { Colourings } from '../encoding/colourings.svelte';
import { PointFigures } from '../encoding/point_figures.svelte';
import { PointStyles } from '../encoding/point_styles.svelte';
import { Scatter } from '../encoding/scatter.svelte';
import { ExportViews } from '../export/views.svelte';
import { FiguresView } from '../figures/figures_view.svelte';
import { Marks } from '../find/marks.svelte';
import { TokenSearch } from '../find/search.svelte';
import { TokenFilter } from '../find/token_filter.svelte';
import { HeadCamera } from '../head/head_camera.svelte';
import { HeadTrust } from '../head/trust.svelte';
import { HeadNames } from '../health/head_names.svelte';
import { RunHealth } from '../health/run_health.svelte';
import type { HeadScore } from '../health/scores';
import { ImageView } from '../image/image_view.svelte';
import { KindTable } from '../kinds/kind_table.svelte';
import { Arrangement } from '../matrix/arrangement.svelte';
import { CellMaps } from '../matrix/cell_maps.svelte';
import { MatrixView } from '../matrix/matrix_view.svelte';
import { Scoring } from '../matrix/scoring.svelte';
import { HeadNotes } from '../notes/head_notes.svelte';
import { Playback } from '../playback/playback.svelte';
import { HeadEvidence } from '../reading/head_evidence.svelte';
import { ReadingStart } from '../reading/reading_start.svelte';
import { Sentence } from '../reading/sentence.svelte';
import { type Grid, headPlace, makeGrid } from '../render/layout';
import { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import type { Link, Said } from '../run/setting';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import { Axes } from '../shown/axes.svelte';
import { canShow } from '../shown/ready';
import { ShownSteps } from '../shown/shown.svelte';
import { HeadStrip } from '../timeline/head_strip.svelte';
import { LevelChanges } from '../timeline/level_changes.svelte';
import { Live } from '../timeline/live.svelte';
import { Steering } from '../timeline/steering.svelte';
import { Trails } from '../trails/trails.svelte';
import {
  catchUp,
  enterRun,
  followSteps,
  forgetRestarted,
  forgetRewritten,
  goTo,
  linkOf,
  type Missed,
} from './entering';
import { fetchPoints } from './fetching';
import { Ground } from './ground';
import { browserStorage } from './introduction.svelte';
import { lookedAt } from './looked_at';
import { isReady } from './readiness';

/** Composes the features: what the tab shows and what it knows. Each is handed what it needs of the others; those that answer
 * to `Feature` are added in the order in which a link is entered, so that each finds the ones before it where the link says. */
export class Session extends Ground {
  readonly playback: Playback = this.add(new Playback(() => !this.reducedMotion));
  readonly axes: Axes = this.add(new Axes(this.playback, () => this.data.source.offers));
  readonly focus: Focus = this.add(new Focus(this.data));
  readonly health: RunHealth = this.add(new RunHealth(() => lookedAt(this)));
  readonly names: HeadNames = this.add(new HeadNames(this));
  /** Who feeds the opened head, and whom it feeds. */
  readonly connections: Connections = this.add(new Connections(this));
  /** What the user says of heads. */
  readonly notes: HeadNotes = this.add(
    new HeadNotes(this, this.data.source.offers ? null : browserStorage(this.host.window)),
  );
  /** From which kind of token to which the opened head attends. */
  readonly kinds: KindTable = this.add(new KindTable(this));
  readonly live: Live = this.add(new Live());
  readonly steering: Steering = this.add(
    new Steering(
      this.data.source,
      () => (this.data.run?.error === null ? (this.data.run.part_of ?? this.data.run.run) : null),
      () => this.playback.steps,
      () => (this.data.run ? [this.data.run, ...(this.data.runs.value?.runs ?? [])] : []),
      () => (this.names.events ?? []).flatMap(({ what, step }) => (what === 'restart' ? [step] : [])),
    ),
  );
  readonly headCamera: HeadCamera = this.add(new HeadCamera(this));
  readonly scatter: Scatter = this.add(new Scatter());
  readonly colourings: Colourings = this.add(new Colourings(this));
  readonly filter: TokenFilter = this.add(new TokenFilter(this));
  readonly search: TokenSearch = this.add(new TokenSearch(this));
  readonly marks: Marks = this.add(new Marks(this));
  readonly grid: Grid = $derived.by(() => makeGrid(this.data.layers.map(({ heads }) => heads)));
  readonly places: readonly HeadPlace[] = $derived(
    Array.from({ length: this.grid.total }, (_, number) => headPlace(this.grid, number)),
  );
  readonly matrix: ShownSteps = this.add(
    new ShownSteps(this, () =>
      this.data.run && this.pointsOfAll
        ? { heads: this.places, seen: this.pointsSeen, dims: 2, alone: null }
        : null,
    ),
  );
  readonly headView: ShownSteps = this.add(
    new ShownSteps(this, () => {
      const { opened } = this.focus;
      const alone = this.marks.alone ? this.marks.group : null;
      return opened && { heads: [opened], dims: this.axes.dims, alone };
    }),
  );
  /** The second one of two runs, or steps, that are compared. */
  readonly against: Comparison = this.add(new Comparison(this));
  /** What heads are sorted, filtered and marked by. */
  readonly scoring: Scoring = this.add(new Scoring(this, () => this.arrangement));
  readonly scores: readonly HeadScore[] = $derived(this.scoring.all);
  readonly arrangement: Arrangement = this.add(new Arrangement(this));
  /** How figures are spread over all heads. */
  readonly figuresView: FiguresView = this.add(new FiguresView(this));
  /** What the matrix's cells show. */
  readonly cellMaps: CellMaps = this.add(new CellMaps(this));
  /** Whether points of the matrix are asked for: its cells or pinned heads show them, or hits of the search are compared
   * in them. */
  readonly pointsOfAll: boolean = $derived.by(
    () =>
      (!this.cellMaps.on && (!this.matrixView.tiled || this.arrangement.pinned.length > 0)) ||
      this.search.hits !== null,
  );
  /** Numbers of the pinned heads, where the cells of the others are too small for points; null: all are seen. */
  readonly pointsSeen: ReadonlySet<number> | null = $derived.by(() =>
    this.matrixView.tiled && this.search.hits === null ? new Set(this.arrangement.pinned) : null,
  );
  /** Whether any points are shown, in the cells or of the opened head. */
  readonly pointed: boolean = $derived.by(() => !this.cellMaps.on || this.focus.opened !== null);
  readonly strip: HeadStrip = this.add(new HeadStrip(this, () => this.arrangement.grid));
  readonly levelChanges: LevelChanges = this.add(new LevelChanges(this));
  readonly matrixView: MatrixView = this.add(new MatrixView(() => !this.reducedMotion));
  /** Numbers of the heads that are looked at: these come first. */
  readonly inView: Uint32Array = $derived.by(() =>
    Uint32Array.from(new Set([...this.arrangement.pinned, ...this.matrixView.visible])),
  );
  readonly sentence: Sentence = this.add(new Sentence(this, () => this.imageView.part));
  readonly evidence: HeadEvidence = this.add(new HeadEvidence(this));
  readonly readingStart: ReadingStart = this.add(new ReadingStart(this));
  readonly images: Images = this.add(new Images(this, () => this.scatter.patches));
  readonly imageView: ImageView = this.add(new ImageView(this));
  readonly pointFigures: PointFigures = this.add(new PointFigures(this));
  /** How far the opened head's picture can be believed. */
  readonly trust: HeadTrust = this.add(new HeadTrust(this));
  readonly trails: Trails = this.add(new Trails(this));
  readonly styles = new PointStyles(this);
  readonly exportViews = new ExportViews();
  /** Scenes that have a picture which they have not drawn yet. */
  drawing = $state(0);
  /** What a link asks for that its run has still to be entered for; the run that was entered, what it was, and its steps and its health then. */
  wanted: Link | null = null;
  entered: string | null = null;
  identity = '';
  seen = '';
  seenHealth = '';
  /** What a link asked for that is not there, or not yet. */
  missed = $state.raw<Missed | null>(null);
  /** By which start of its training each run was written last. */
  readonly starts = new Map<string, string>();

  /** @param start what the link says */
  constructor(source: DataSource, host: Host, start: Link) {
    super(source, host);
    goTo(this, start);
  }

  /** Whether everything that was asked for is drawn. */
  readonly ready: boolean = $derived.by(() => isReady(this));
  /** What the address says of this view; null while nothing is shown. */
  readonly link: Said | null = $derived.by(() => linkOf(this));

  /** Sets up what follows from what; to be called while a component is made. */
  begin(): void {
    $effect.pre(() => enterRun(this));
    this.playback.animate((index) => this.canShow(index));
    $effect.pre(() => followSteps(this));
    $effect.pre(() => catchUp(this));
    $effect.pre(() => forgetRewritten(this));
    $effect.pre(() => forgetRestarted(this));
    $effect.pre(() => fetchPoints(this));
    for (const feature of this.features) feature.begin?.();
  }

  /** Whether Play may go on to a checkpoint: what is looked at is here. */
  private canShow(index: number): boolean {
    const shown = this.headView.arrived([index]) || this.axes.slow;
    return this.cellMaps.canShow(index) && shown && (!this.pointed || canShow(this, index));
  }

  async refreshRuns(): Promise<void> {
    await this.data.refresh();
    this.live.tick();
    const found = this.data.runs.value?.runs ?? [];
    if (found.some(({ run }) => run === this.data.name)) return;
    const other = found.find(({ error }) => error === null) ?? found[0];
    if (!other) return; // what was shown may come back
    // What was shown of a run that is gone stays. What a link asks of one that never was, another one is asked.
    if (!this.data.gone) this.data.name = other.run;
  }

  chooseRun(name: string): void {
    this.letGo(this.data.runs.value?.runs.find(({ run }) => run === name));
    this.missed = null;
    if (this.wanted) this.wanted = new Map(); // that was of a run which could not be shown
    this.data.name = name;
  }

  /** Of what is looked at, the head at the same place alone is in another run as well, whose tokens may be others. */
  letGo(next: Run | undefined): void {
    const { against } = this;
    if (against.own || against.run === null || against.name === next?.run) against.clear();
    const { opened } = this.focus;
    this.close();
    if (opened && opened.head < (next?.layers[opened.layer]?.heads ?? 0)) this.focus.opened = opened;
  }

  close(): void {
    this.focus.opened = null;
    this.focus.selection = null;
    this.health.asked = null;
    this.headCamera.reset();
    this.marks.mark(null);
    if (isError(this.scatter.colouring)) this.scatter.colouring = 'kind'; // errors are of an opened head
  }

  /** One step back: from a group by itself to the head, from what is selected to nothing, from the head to none. */
  back(): void {
    const { marks, focus } = this;
    if (marks.alone) marks.alone = false;
    else if (marks.group) marks.mark(null);
    else if (focus.selection) focus.selection = null;
    else this.close();
  }
}
