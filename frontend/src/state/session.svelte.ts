import type { NpyArray } from '../api/npy';
import type { DataSource } from '../api/source';
import type { Alert, Dims, PointsQuery, Projection, Run, Runs } from '../api/types';
import { readHealth, type Series } from '../health/health';
import { indexTokens, type TokenIndex } from '../probe/places';
import type { Colouring } from '../render/colours';
import { type Grid, type HeadPlace, makeGrid } from '../render/layout';
import type { Host } from './host';
import { Latest } from './latest.svelte';
import { PointLoader } from './loader.svelte';
import { outgrownHeads } from './outgrown';
import { Playback } from './playback.svelte';
import { Sentence } from './sentence.svelte';
import { enterSentence, placeOfSentence } from './sentence_place';
import { ShownSteps } from './shown.svelte';
import { Steering } from './steering.svelte';
import { placeOfStep } from './steps';
import { Theme } from './theme.svelte';
import { enterTimeline, placeOfTimeline } from './timeline_place';
import type { Place } from './url';

export interface Selection {
  readonly sequence: number;
  /** Place in the sequence. */
  readonly token: number;
  readonly side: 'query' | 'key';
}

/** Checkpoints fetched ahead: while playing in its direction, else on both sides of the hand. */
const AHEAD = 3;
/** A run is live while its last new checkpoint is not older than this. */
const LIVE = 60_000;
/** The health figure that says most at a glance, and the link's word for none. */
const FIRST_TINT = 'entropy';
const NO_TINT = 'none';

/** What the tab shows and what it knows: the one place that the views read and change. */
export class Session {
  readonly theme: Theme;
  readonly loader: PointLoader;
  readonly steering: Steering;
  readonly playback = new Playback(() => !this.reducedMotion);
  readonly runs = new Latest<Runs>();
  readonly probe = new Latest<TokenIndex>();
  readonly health = new Latest<ReadonlyMap<string, Series>>();
  readonly alerts = new Latest<readonly Alert[]>();
  readonly attention = new Latest<NpyArray>();
  readonly sentence = new Sentence(this);

  runName = $state<string | null>(null);
  projection = $state<Projection>('biplot');
  dims = $state<Dims>(2);
  colouring = $state<Colouring>('kind');
  /** The health figure that colours the cells. */
  tint = $state<string | null>(FIRST_TINT);
  /** The step up to which the frame is fitted. */
  frame = $state<number | null>(null);
  refitLive = $state(false);
  opened = $state.raw<HeadPlace | null>(null);
  selection = $state.raw<Selection | null>(null);
  /** Scenes that have a picture which they have not drawn yet. */
  drawing = $state(0);
  private grownAt = $state(Number.NEGATIVE_INFINITY);
  private now = $state(Date.now());
  readonly reducedMotion: boolean;

  constructor(
    readonly source: DataSource,
    readonly host: Host,
    private readonly start: Place,
  ) {
    this.reducedMotion = host.window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.theme = new Theme(host);
    this.loader = new PointLoader(source);
    this.steering = new Steering(
      source,
      () => (this.run?.error === null ? this.run.run : null),
      () => this.playback.steps,
    );
    this.projection = start.projection ?? 'biplot';
    this.dims = start.dims ?? 2;
    this.colouring = start.colour ?? 'kind';
    this.tint = start.tint === NO_TINT ? null : (start.tint ?? FIRST_TINT);
    this.refitLive = start.refit === 'live';
    this.runName = start.run ?? null;
    enterTimeline(start, this.playback, this.steering);
  }

  readonly run: Run | null = $derived(this.runs.value?.runs.find(({ run }) => run === this.runName) ?? null);
  readonly layers = $derived(this.run?.layers ?? []);
  readonly grid: Grid = $derived(makeGrid(this.layers.map(({ heads }) => heads)));
  readonly series: Series | null = $derived(this.health.value?.get(this.tint ?? '') ?? null);
  readonly live: boolean = $derived(this.now - this.grownAt < LIVE);
  readonly newest: number | null = $derived(this.playback.steps.at(-1) ?? null);
  /** Checkpoints that came after the frame. */
  readonly newer: number = $derived(
    this.playback.steps.filter((step) => this.frame !== null && step > this.frame).length,
  );

  readonly matrix = new ShownSteps(this, () =>
    this.run ? { layers: this.run.layers.map((_, i) => i), dims: 2, head: null } : null,
  );
  readonly headView = new ShownSteps(this, () =>
    this.opened ? { layers: [this.opened.layer], dims: this.dims, head: this.opened.head } : null,
  );

  /** Heads of the shown step that no longer fit their frame. */
  readonly outgrown: number = $derived.by(() => {
    const pair = this.matrix.pair;
    if (!pair || this.frame === null || pair.toStep <= this.frame) return 0;
    return pair.to.layers.reduce(
      (sum, points, i) => sum + (points ? outgrownHeads(points, this.layers[i]?.heads ?? 1) : 0),
      0,
    );
  });

  readonly ready: boolean = $derived.by(() => {
    if (!this.runs.value) return this.runs.error !== null;
    if (!this.run || this.run.error !== null) return true;
    const { tags, points } = this.steering;
    const asked = [this.probe, this.health, this.alerts, this.attention, tags, points, this.sentence].every(
      ({ loading }) => !loading,
    );
    return (
      asked && this.matrix.settled && this.headView.settled && !this.playback.moving && this.drawing === 0
    );
  });

  /** What a link to this view says; null while nothing is shown. The newest step goes unsaid while the views follow
   * it, so that a link to a running training opens at its newest step. */
  readonly place: Place | null = $derived.by(() => {
    const { run, playback, opened, selection, frame } = this;
    if (!run || run.error !== null || playback.step === null || frame === null) return null;
    const pinned = !playback.following && !playback.playing;
    return {
      run: run.run,
      ...(pinned && { step: playback.step }),
      ...(this.refitLive ? { refit: 'live' } : (pinned || frame !== this.newest) && { frame }),
      ...opened,
      projection: this.projection,
      dims: this.dims,
      colour: this.colouring,
      tint: this.tint ?? NO_TINT,
      ...placeOfTimeline(playback, this.steering),
      ...(selection && {
        ...placeOfSentence(this.sentence),
        sequence: selection.sequence,
        token: `${selection.token}${selection.side === 'key' ? 'k' : ''}`,
      }),
    };
  });

  /** Sets up what follows from what; to be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.enterRun());
    this.steering.begin();
    $effect.pre(() => this.followSteps());
    $effect.pre(() => this.fetchPoints());
    $effect.pre(() => this.fetchAttention());
    this.sentence.begin();
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
    if (!found.some(({ run }) => run === this.runName)) {
      this.runName = (found.find(({ error }) => error === null) ?? found[0])?.run ?? null;
    }
  }

  chooseRun(name: string): void {
    this.runName = name;
    this.playback.loop = null;
    this.sentence.unpinAll();
    this.opened = null;
    this.selection = null;
  }

  refit(): void {
    this.frame = this.newest;
  }

  open(place: HeadPlace): void {
    this.opened = place;
  }

  /** Goes to the checkpoint nearest to where an alert was raised, and opens the head that it is most about. */
  showAlert({ step, heads }: Alert): void {
    this.playback.glideTo(Math.round(placeOfStep(this.playback.steps, step)));
    const [worst] = heads;
    if (worst && worst.head < (this.layers[worst.layer]?.heads ?? 0)) {
      this.open({ layer: worst.layer, head: worst.head });
    }
  }

  close(): void {
    this.opened = null;
    this.selection = null;
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
      this.selection = { sequence, token: position, side };
  }

  destroy(): void {
    this.loader.destroy();
    this.theme.destroy();
  }

  private entered: string | null = null;
  private seen = '';

  /** A run was chosen: everything that belongs to the last one goes. */
  private enterRun(): void {
    const { run } = this;
    if (!run || run.run === this.entered) return;
    const first = this.entered === null;
    this.entered = run.run;
    this.seen = '';
    this.frame = null;
    this.health.clear();
    this.alerts.clear();
    this.steering.clear();
    this.attention.clear();
    this.probe.clear();
    if (run.error !== null) return;
    void this.probe.load(async (signal) => indexTokens(await this.source.probe(run.run, signal)));
    this.playback.following = true;
    this.playback.setSteps(run.steps);
    if (first) this.enterPlace(run);
  }

  /** What the link asked for, as far as this run has it. */
  private enterPlace(run: Run): void {
    const { step, frame, layer, head, sequence, token } = this.start;
    if (step !== undefined && run.steps.includes(step)) this.playback.go(run.steps.indexOf(step));
    if (frame !== undefined && run.steps.includes(frame)) this.frame = frame;
    if (layer !== undefined && head !== undefined && head < (run.layers[layer]?.heads ?? 0)) {
      this.opened = { layer, head };
    }
    enterSentence(this.start, this.sentence, run);
    if (sequence !== undefined && token !== undefined && sequence < run.sequences) {
      const side = token.endsWith('k') ? 'key' : 'query';
      this.selection = { sequence, token: Number.parseInt(token, 10), side };
    }
  }

  /** New checkpoints: the timeline grows, the figures are read again, and the frame moves only if asked to. */
  private followSteps(): void {
    const { run } = this;
    if (!run || run.error !== null) return;
    const steps = run.steps.join();
    if (steps === this.seen) return;
    if (this.seen !== '') {
      this.grownAt = Date.now();
      this.playback.setSteps(run.steps);
    }
    this.seen = steps;
    const newest = run.steps.at(-1) ?? null;
    if (this.frame === null || this.refitLive || !run.steps.includes(this.frame)) this.frame = newest;
    void this.health.load(async (signal) => readHealth(await this.source.health(run.run, signal)));
    void this.alerts.load(async (signal) => (await this.source.alerts(run.run, signal)).alerts);
  }

  private fetchPoints(): void {
    const { playback } = this;
    const { from, to } = playback.between;
    const now = [...new Set([from, to])];
    const soon = playback.target === null ? [] : [playback.target];
    const points = (this.run?.queries ?? 0) + (this.run?.keys ?? 0);
    const room = this.loader.room(this.grid.total * points * 2 * Float32Array.BYTES_PER_ELEMENT);
    const around = Array.from({ length: AHEAD }, (_, i) => [to + 1 + i, from - 1 - i]).flat();
    const later = (playback.playing ? playback.upcoming(AHEAD) : around).slice(0, room);
    const queries: PointsQuery[] = [
      ...this.headView.queries(now),
      ...this.matrix.queries([...now, ...soon]),
      ...this.headView.queries(soon),
      ...(this.matrix.arrived(now) ? this.matrix.queries(later) : []),
      ...(this.matrix.arrived(now) ? this.headView.queries(later) : []),
    ];
    this.loader.want(queries);
  }

  private fetchAttention(): void {
    const { run, opened, selection } = this;
    const step = this.playback.step;
    if (!run || run.error !== null || !opened || !selection || step === null) {
      this.attention.clear();
      return;
    }
    const { sequence } = this.sentence;
    if (sequence === null) return;
    void this.attention.load((signal) =>
      this.source.attention({ run: run.run, step, ...opened, sequence }, signal),
    );
  }
}
