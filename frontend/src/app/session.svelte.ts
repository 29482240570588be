import { Images } from '../atlas/images.svelte';
import type { Host } from '../base/host';
import { Comparison } from '../compare/compare.svelte';
import { isError } from '../encoding/colouring';
import { Colourings } from '../encoding/colourings.svelte';
import { Looks } from '../encoding/looks.svelte';
import { PointFigures } from '../encoding/point_figures.svelte';
import { Scatter } from '../encoding/scatter.svelte';
import { Exhibits } from '../export/exhibits.svelte';
import { Marks } from '../find/marks.svelte';
import { TokenSearch } from '../find/search.svelte';
import { TokenFilter } from '../find/token_filter.svelte';
import { HeadCamera } from '../head/head_camera.svelte';
import { HeadTrust } from '../head/trust.svelte';
import { RunHealth } from '../health/run_health.svelte';
import type { HeadScore } from '../health/scores';
import { ImageView } from '../image/image_view.svelte';
import { Arrangement } from '../matrix/arrangement.svelte';
import { MatrixView } from '../matrix/matrix_view.svelte';
import { Scoring } from '../matrix/scoring.svelte';
import { Playback } from '../playback/playback.svelte';
import { Sentence } from '../reading/sentence.svelte';
import { type Grid, headPlace, makeGrid } from '../render/layout';
import { Theme } from '../render/theme.svelte';
import { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { NumberedSource } from '../run/numbering';
import { RunState } from '../run/run_state.svelte';
import type { DataSource } from '../run/source';
import { Axes } from '../shown/axes.svelte';
import { PointLoader } from '../shown/loader.svelte';
import { ShownSteps } from '../shown/shown.svelte';
import { Live } from '../timeline/live.svelte';
import { Steering } from '../timeline/steering.svelte';
import { Trails } from '../trails/trails.svelte';
import { enterRun, followSteps, goTo } from './entering';
import { fetchPoints } from './fetching';
import { browserStorage, Introduction } from './introduction.svelte';
import { placeOf } from './linking';
import { isReady } from './readiness';
import type { Place } from './url';

/** Composes the rooms: what the tab shows and what it knows. Each class is handed what it needs of it. */
export class Session {
  readonly theme: Theme;
  readonly data: RunState;
  readonly focus: Focus;
  readonly playback = new Playback(() => !this.reducedMotion);
  readonly axes = new Axes(this.playback);
  readonly health = new RunHealth();
  readonly live = new Live();
  readonly loader: PointLoader;
  readonly steering: Steering;
  readonly sentence: Sentence = new Sentence(this, () => this.imageView.part);
  readonly scatter = new Scatter();
  readonly introduction: Introduction;
  readonly headCamera = new HeadCamera();
  readonly exhibits = new Exhibits();
  /** Css pixels of the head view's panel, once the user has chosen; else it takes its share. */
  panelWidth = $state<number | null>(null);
  readonly filter = new TokenFilter(this);
  readonly search = new TokenSearch(this);
  readonly marks = new Marks(this);
  /** Scenes that have a picture which they have not drawn yet. */
  drawing = $state(0);
  readonly reducedMotion: boolean;
  /** What a link asks for that its run has still to be entered for; the run that was entered, and its steps then. */
  wanted: Place | null = null;
  entered: string | null = null;
  seen = '';

  constructor(
    source: DataSource,
    readonly host: Host,
    /** What the link asks for. */
    start: Place,
  ) {
    this.reducedMotion = host.window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.theme = new Theme(host.window);
    this.data = new RunState(new NumberedSource(source));
    this.focus = new Focus(this.data);
    this.loader = new PointLoader(this.data.source);
    this.introduction = new Introduction(browserStorage(host.window));
    this.steering = new Steering(
      this.data.source,
      () => (this.data.run?.error === null ? this.data.run.run : null),
      () => this.playback.steps,
    );
    this.matrix = new ShownSteps(this, () =>
      this.data.run ? { heads: this.places, dims: 2, alone: null } : null,
    );
    this.headView = new ShownSteps(this, () =>
      this.focus.opened
        ? {
            heads: [this.focus.opened],
            dims: this.axes.dims,
            alone: this.marks.alone ? this.marks.group : null,
          }
        : null,
    );
    this.against = new Comparison(this);
    goTo(this, start);
  }

  readonly grid: Grid = $derived.by(() => makeGrid(this.data.layers.map(({ heads }) => heads)));
  readonly places: readonly HeadPlace[] = $derived(
    Array.from({ length: this.grid.total }, (_, number) => headPlace(this.grid, number)),
  );
  /** What heads are sorted, filtered and marked by. */
  readonly scoring = new Scoring(this);
  readonly scores: readonly HeadScore[] = $derived(this.scoring.all);
  readonly arrangement = new Arrangement(this);
  readonly matrix: ShownSteps;
  readonly headView: ShownSteps;
  /** The second one of two runs, or steps, that are compared. */
  readonly against: Comparison;
  readonly trails = new Trails(this);
  readonly matrixView = new MatrixView(() => !this.reducedMotion);
  /** Numbers of the heads that are looked at: these come first. */
  readonly inView: Uint32Array = $derived.by(() =>
    Uint32Array.from(new Set([...this.arrangement.pinned, ...this.matrixView.visible])),
  );
  readonly images = new Images(this, () => this.scatter.patches);
  readonly imageView = new ImageView(this);
  readonly colourings = new Colourings(this);
  readonly pointFigures = new PointFigures(this);
  /** How far the opened head's picture can be believed. */
  readonly trust = new HeadTrust(this);
  readonly looks = new Looks(this);

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
    this.scoring.begin(this.arrangement);
    $effect.pre(() => fetchPoints(this));
    this.sentence.begin();
    this.pointFigures.begin();
    this.images.begin();
    this.imageView.begin();
    this.filter.begin();
    this.search.begin();
    this.against.begin();
    this.trust.begin();
  }

  async refreshRuns(): Promise<void> {
    await this.data.refresh();
    this.live.tick();
    const found = this.data.runs.value?.runs ?? [];
    if (found.some(({ run }) => run === this.data.name)) return;
    const other = found.find(({ error }) => error === null) ?? found[0];
    if (!other) return; // what was shown may come back
    // A run that was shown and is gone: another one has other heads. What a link asks of one that never was, it keeps.
    if (this.entered !== null && this.entered === this.data.name) this.chooseRun(other.run);
    else this.data.name = other.run;
  }

  chooseRun(name: string): void {
    if (this.against.own || this.against.name === name) this.against.clear();
    this.data.name = name;
    this.playback.loop = null;
    this.sentence.pins.clear();
    this.close();
  }

  close(): void {
    this.focus.opened = null;
    this.focus.selection = null;
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

  destroy(): void {
    this.loader.destroy();
    this.theme.destroy();
  }
}
