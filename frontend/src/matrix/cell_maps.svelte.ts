import { untrack } from 'svelte';
import type { HeadNames } from '../health/head_names.svelte';
import type { RunHealth } from '../health/run_health.svelte';
import type { Playback } from '../playback/playback.svelte';
import { type Grid, headNumber } from '../render/layout';
import type { Feature } from '../run/feature';
import type { DataSource } from '../run/source';
import type { MapPart, MapsQuery, SmallMaps } from '../run/types';
import { AS_NAMED, type ChoiceNeeds, MapChoice, MOST_POSITIONS } from './map_choice.svelte';
import { MapLoader } from './map_loader';
import { mixedMaps, onFirstToken, restsOnRepeats } from './maps_as_named';

const NONE: ReadonlySet<number> = new Set();
/** Checkpoints fetched ahead, as of points. */
const AHEAD = 3;

interface Needs extends ChoiceNeeds {
  readonly data: ChoiceNeeds['data'] & { readonly source: Pick<DataSource, 'maps' | 'offers'> };
  readonly playback: Pick<
    Playback,
    'steps' | 'from' | 'to' | 'index' | 'between' | 'target' | 'playing' | 'moving' | 'upcoming'
  >;
  readonly names: Pick<HeadNames, 'findings'>;
  readonly health: Pick<RunHealth, 'figures'>;
  readonly grid: Grid;
}

/** The maps of the two steps that are mixed. */
interface MapPair {
  readonly kind: string;
  readonly part: MapPart;
  /** Numbers of the heads whose maps are of repeated texts, of `AS_NAMED`. */
  readonly onRepeats: ReadonlySet<number>;
  /** The run's steps that are shown, and the steps whose maps these are: they are not recorded at every step. */
  readonly fromStep: number;
  readonly toStep: number;
  readonly fromMaps: number;
  readonly toMaps: number;
  readonly from: SmallMaps;
  readonly to: SmallMaps;
}

/** The small maps for what the matrix's cells show. */
export class CellMaps extends MapChoice implements Feature {
  readonly loader: MapLoader;
  /** What is drawn; it stays until its successor is here. */
  pair = $state.raw<MapPair | null>(null);
  /** Numbers of the heads whose names rest on repeated texts, at the last step whose names were known. */
  private onRepeats = $state.raw<ReadonlySet<number>>(new Set());
  private heldMix = 0;

  constructor(protected override readonly session: Needs) {
    super(session);
    this.loader = new MapLoader(() => this.session.data.source);
  }

  /** Numbers of the heads whose cells are of other texts than the others'. */
  private readonly marked: ReadonlySet<number> = $derived(this.kind === AS_NAMED ? this.onRepeats : NONE);
  /** Whether what is drawn is of the shown steps and not of others, before them or not replaced yet. */
  readonly current: boolean = $derived.by(() => {
    const { pair, session } = this;
    const { steps, from, to } = session.playback;
    if (!pair || pair.fromMaps !== pair.fromStep || pair.toMaps !== pair.toStep) return false;
    return pair.fromStep === steps[from] && pair.toStep === steps[to];
  });

  readonly mix: number = $derived.by(() => {
    const { steps, from, to, between } = this.session.playback;
    const shown = this.pair?.fromStep === steps[from] && this.pair?.toStep === steps[to];
    return shown ? between.mix : this.heldMix;
  });

  /** What went wrong with the shown maps. */
  readonly error: string | null = $derived.by(() => {
    const errors = this.ends.flatMap((index) => this.queries(index).map((query) => this.loader.error(query)));
    return errors.find((error) => error !== null) ?? null;
  });

  /** The kind of sequences that a head's cell shows. */
  kindOf(head: number): string | null {
    if (this.kind !== AS_NAMED) return this.kind;
    return (this.pair?.onRepeats ?? this.onRepeats).has(head) ? 'repeated' : 'text';
  }

  /** By distance, of the step that is read and the texts that a head's cell shows: for words. */
  offsetsOf(head: number): SmallMaps | null {
    const kind = this.kindOf(head);
    const query = this.queries(this.session.playback.index, 'offsets').find((one) => one.kind === kind);
    return query ? this.loader.get(query) : null;
  }

  /** Of each head, attention on the first token at a step that has maps, of the texts that cells show; null: not known.
   * Where the run has several kinds of texts it is read off their maps: of their first queries, as `ofFirstQueries` says. */
  onFirst(step: number): Float32Array | null {
    if (!this.readsFirst) return this.session.health.figures?.get('sink')?.at(step) ?? null;
    const maps = this.maps(this.queriesAt(step, 'first'), false);
    return maps && onFirstToken(maps);
  }

  /** How many queries `onFirst` is the mean of; null: all. */
  readonly ofFirstQueries: number | null = $derived.by(() =>
    this.readsFirst && this.longest > MOST_POSITIONS ? MOST_POSITIONS : null,
  );
  /** The figure `sink` is of all texts together. */
  private readonly readsFirst: boolean = $derived(this.kinds.length > 1 && !this.pictured);

  get busy(): boolean {
    return this.drawn && (!this.arrived(this.ends) || (this.error === null && !this.follows()));
  }

  /** Whether Play may go on to a checkpoint. */
  canShow(index: number): boolean {
    return !this.drawn || this.arrived([index]);
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.followNames());
    $effect.pre(() => this.fetch());
    $effect.pre(() => this.follow());
  }

  forget(): void {
    this.loader.forget();
    this.pair = null;
  }

  leave(): void {
    this.loader.clear();
    this.pair = null;
    this.onRepeats = new Set();
  }

  private get ends(): readonly number[] {
    const { from, to } = this.session.playback;
    return from === to ? [from] : [from, to];
  }

  /** The newest step up to a checkpoint that has maps; else the first that has. */
  private stepOf(index: number): number | null {
    const step = this.session.playback.steps[index];
    if (step === undefined) return null;
    return this.steps.findLast((one) => one <= step) ?? this.steps[0] ?? null;
  }

  private followNames(): void {
    const { names, grid } = this.session;
    if (!names.findings) return;
    const found = names.findings.heads.filter(restsOnRepeats).map((head) => headNumber(grid, head));
    untrack(() => {
      const { onRepeats } = this;
      if (found.length === onRepeats.size && found.every((head) => onRepeats.has(head))) return;
      this.onRepeats = new Set(found);
    });
  }

  /** What is asked for a checkpoint: of texts and of repeated ones where cells are of both, texts first. */
  private queries(index: number, part = this.part): MapsQuery[] {
    const step = this.on ? this.stepOf(index) : null;
    return step === null ? [] : this.queriesAt(step, part);
  }

  private queriesAt(step: number, part: MapPart): MapsQuery[] {
    const { run } = this.session.data;
    const { kind } = this;
    if (!run || kind === null) return [];
    const of = (one: string) => ({ run: run.run, step, kind: one, part });
    if (kind !== AS_NAMED) return [of(kind)];
    const { size } = this.onRepeats;
    return [...(size < this.session.grid.total ? [of('text')] : []), ...(size > 0 ? [of('repeated')] : [])];
  }

  /** All that is drawn of a checkpoint: beside distances stands the first token. */
  private drawnOf(index: number): MapsQuery[] {
    const first = this.part === 'offsets' && this.readsFirst ? this.queries(index, 'first') : [];
    return [...this.queries(index), ...first];
  }

  /** The maps of a checkpoint; null while not all of them are here.
   * @param centred whether their middle is their origin */
  private maps(queries: readonly MapsQuery[], centred = this.part === 'offsets'): SmallMaps | null {
    const [first, second] = queries.map((query) => this.loader.get(query));
    if (!first || second === null) return null;
    return second ? mixedMaps(first, second, this.onRepeats, centred) : first;
  }

  private arrived(indices: readonly number[]): boolean {
    return indices.every((index) => this.drawnOf(index).every((query) => this.loader.settled(query)));
  }

  private follows(): boolean {
    const { steps, from, to } = this.session.playback;
    const { pair } = this;
    if (!pair || pair.part !== this.part || pair.onRepeats !== this.marked) return false;
    return pair.fromStep === steps[from] && pair.toStep === steps[to];
  }

  private fetch(): void {
    const { playback } = this.session;
    const { from, to, target } = playback;
    const around = Array.from({ length: AHEAD }, (_, i) => [to + 1 + i, from - 1 - i]).flat();
    const later = playback.playing ? playback.upcoming(AHEAD) : around;
    const now = [...this.ends, ...(target === null ? [] : [target])];
    // Of very many heads the maps are megabytes, too much for a word.
    const parts: readonly MapPart[] = this.readsFirst && this.drawn ? ['offsets', 'first'] : ['offsets'];
    const words = playback.moving ? [] : parts.flatMap((part) => this.queries(playback.index, part));
    const drawn = (indices: readonly number[]) =>
      this.drawn ? indices.flatMap((index) => this.drawnOf(index)) : [];
    const wanted = [...drawn(now), ...words, ...drawn(later)];
    untrack(() => this.loader.want(wanted));
  }

  private follow(): void {
    const { steps, from, to, between } = this.session.playback;
    const [before, after] = [this.queries(from), this.queries(to)];
    const [fromMaps, toMaps] = [this.maps(before), this.maps(after)];
    const [fromStep, toStep] = [before[0]?.step, after[0]?.step];
    const { kind, part, marked: onRepeats } = this;
    untrack(() => {
      const last = this.pair;
      if (kind !== null && fromStep !== undefined && toStep !== undefined && fromMaps && toMaps) {
        const shown = { fromStep: steps[from] ?? 0, toStep: steps[to] ?? 0 };
        this.heldMix = between.mix;
        const stays = last?.from === fromMaps && last.to === toMaps && last.onRepeats === onRepeats;
        if (stays && last.fromStep === shown.fromStep && last.toStep === shown.toStep) return;
        const maps = { fromMaps: fromStep, toMaps: toStep, from: fromMaps, to: toMaps };
        this.pair = { kind, part, onRepeats, ...shown, ...maps };
      } else if (
        fromStep === undefined ||
        last?.part !== part ||
        last.kind !== kind ||
        this.failed([...before, ...after])
      ) {
        this.pair = null; // another kind of map would be read as this one
      }
    });
  }

  private failed(queries: readonly MapsQuery[]): boolean {
    return queries.some((query) => this.loader.error(query) !== null);
  }
}
