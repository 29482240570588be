import { untrack } from 'svelte';
import type { Playback } from '../playback/playback.svelte';
import type { Feature } from '../run/feature';
import { choice, type Settings, settings, text } from '../run/setting';
import type { DataSource } from '../run/source';
import type { MapPart, MapsQuery, Run, SmallMaps } from '../run/types';
import { MapLoader } from './map_loader.svelte';

/** What a cell shows of its head: points, its mean attention by position, or by distance. */
export const CELLS = ['points', 'attention', 'offsets'] as const;
export type Cells = (typeof CELLS)[number];
/** Which positions: the first ones as they are, or all of them in parts. */
export const EXTENTS = ['first', 'whole'] as const;
/** Positions of a side of a map: shorter sequences are shown whole, as they are. */
export const MOST_POSITIONS = 32;
/** Kinds of sequences that say more than others do are shown first: on repeated ones induction shows, and all else too. */
const FIRST_KIND = 'repeated';
/** Checkpoints fetched ahead, as of points. */
const AHEAD = 3;

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly source: Pick<DataSource, 'maps' | 'offers'>;
    readonly probe: {
      readonly value: {
        readonly sequences: readonly {
          readonly tokens: readonly string[];
          readonly repeat: object | null;
          readonly grid?: object | null | undefined;
        }[];
      } | null;
    };
  };
  readonly playback: Pick<
    Playback,
    'steps' | 'from' | 'to' | 'index' | 'between' | 'target' | 'playing' | 'moving' | 'upcoming'
  >;
  /** A second run, or step: two are compared by their points. */
  readonly against: { readonly run: Run | null };
  /** Whether cells are too small for maps. */
  readonly matrixView: { readonly tiled: boolean };
  /** Heads that stand apart have room for theirs. */
  readonly arrangement: { readonly pinned: readonly number[] };
}

/** The maps of the two steps that are mixed. */
export interface MapPair {
  readonly kind: string;
  readonly part: MapPart;
  /** The run's steps that are shown, and the steps whose maps these are: they are not recorded at every step. */
  readonly fromStep: number;
  readonly toStep: number;
  readonly fromMaps: number;
  readonly toMaps: number;
  readonly from: SmallMaps;
  readonly to: SmallMaps;
}

/** What the matrix's cells show, and the small maps for it. */
export class CellMaps implements Feature {
  /** Null: attention where it was recorded, else points. */
  chosen = $state<Cells | null>(null);
  /** The kind of sequences that was chosen; null: the one that says most. */
  of = $state<string | null>(null);
  extent = $state<(typeof EXTENTS)[number]>('first');
  readonly settings: Settings = settings<CellMaps>(this, {
    chosen: choice(CELLS).as('cells'),
    of: text().as('cells_of'),
    extent: choice(EXTENTS).as('positions'),
  });
  readonly loader: MapLoader;
  /** What is drawn; it stays until its successor is here. */
  pair = $state.raw<MapPair | null>(null);
  private heldMix = 0;

  constructor(private readonly session: Needs) {
    this.loader = new MapLoader(() => this.session.data.source);
  }

  readonly steps: readonly number[] = $derived.by(() => this.session.data.run?.maps?.steps ?? []);
  readonly kinds: readonly string[] = $derived.by(() => this.session.data.run?.maps?.kinds ?? []);
  readonly kind: string | null = $derived.by(() => {
    if (this.of !== null && this.kinds.includes(this.of)) return this.of;
    return this.kinds.includes(FIRST_KIND) ? FIRST_KIND : (this.kinds[0] ?? null);
  });
  /** Why no maps can be shown, in words; null where they can. */
  readonly lacks: string | null = $derived.by(() => {
    const { against, data } = this.session;
    if (this.steps.length === 0) {
      return data.source.offers
        ? 'This page holds no small maps: TensorBoard shows them.'
        : 'No small maps of attention were recorded in this run. Record it again: they come with the health figures.';
    }
    return against.run ? 'Two that are compared show their points.' : null;
  });
  /** What cells show now. */
  readonly cells: Cells = $derived.by(() => (this.lacks === null ? (this.chosen ?? 'attention') : 'points'));
  readonly on: boolean = $derived(this.cells !== 'points');
  /** Whether there is room for them: else they are not asked for. */
  private readonly drawn: boolean = $derived.by(() => {
    const { matrixView, arrangement } = this.session;
    return this.on && (!matrixView.tiled || arrangement.pinned.length > 0);
  });
  /** Whether the sequences are images: their maps lie on the grid of patches. */
  readonly pictured: boolean = $derived.by(() => / × /.test(this.kind ?? ''));
  /** Tokens of the longest sequence of the kind; 0 while they are not known. */
  readonly longest: number = $derived.by(() => {
    const all = this.session.data.probe.value?.sequences ?? [];
    const own = all.filter(({ repeat, grid }) => !grid && (repeat !== null) === (this.kind === 'repeated'));
    return own.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  });
  readonly part: MapPart = $derived.by(() => {
    if (this.cells === 'offsets') return 'offsets';
    if (this.pictured) return 'received';
    return this.extent === 'whole' && this.longest > MOST_POSITIONS ? 'pooled' : 'first';
  });

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

  /** By distance, of the step that is read: for words. */
  readonly offsets: SmallMaps | null = $derived.by(() => {
    const query = this.query(this.session.playback.index, 'offsets');
    return query && this.loader.get(query);
  });

  /** What went wrong with the shown maps. */
  readonly error: string | null = $derived.by(() => {
    for (const index of this.ends) {
      const query = this.query(index);
      const error = query && this.loader.error(query);
      if (error) return error;
    }
    return null;
  });

  get busy(): boolean {
    return this.drawn && (!this.arrived(this.ends) || (this.error === null && !this.follows()));
  }

  /** Whether Play may go on to a checkpoint. */
  canShow(index: number): boolean {
    return !this.drawn || this.arrived([index]);
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.fetch());
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.loader.clear();
    this.pair = null;
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

  private query(index: number, part = this.part): MapsQuery | null {
    const { run } = this.session.data;
    const step = this.on ? this.stepOf(index) : null;
    if (!run || step === null || this.kind === null) return null;
    return { run: run.run, step, kind: this.kind, part };
  }

  private arrived(indices: readonly number[]): boolean {
    return indices.every((index) => {
      const query = this.query(index);
      return query === null || this.loader.settled(query);
    });
  }

  private follows(): boolean {
    const { steps, from, to } = this.session.playback;
    const { pair } = this;
    return (
      pair !== null && pair.fromStep === steps[from] && pair.toStep === steps[to] && pair.part === this.part
    );
  }

  private fetch(): void {
    const { playback } = this.session;
    const { from, to, target } = playback;
    const around = Array.from({ length: AHEAD }, (_, i) => [to + 1 + i, from - 1 - i]).flat();
    const later = playback.playing ? playback.upcoming(AHEAD) : around;
    const now = [...this.ends, ...(target === null ? [] : [target])];
    const words = playback.moving ? [] : [this.query(playback.index, 'offsets')];
    const wanted = (
      this.drawn
        ? [...now.map((index) => this.query(index)), ...words, ...later.map((index) => this.query(index))]
        : words
    ).filter((query) => query !== null);
    untrack(() => this.loader.want(wanted));
  }

  private follow(): void {
    const { steps, from, to, between } = this.session.playback;
    const [before, after] = [this.query(from), this.query(to)];
    const [fromMaps, toMaps] = [before && this.loader.get(before), after && this.loader.get(after)];
    const { kind, part } = this;
    untrack(() => {
      const last = this.pair;
      if (before && after && fromMaps && toMaps) {
        const [fromStep, toStep] = [steps[from] ?? 0, steps[to] ?? 0];
        this.heldMix = between.mix;
        if (
          last?.from === fromMaps &&
          last.to === toMaps &&
          last.fromStep === fromStep &&
          last.toStep === toStep
        )
          return;
        const here = { kind: before.kind, part, fromStep, toStep };
        this.pair = { ...here, fromMaps: before.step, toMaps: after.step, from: fromMaps, to: toMaps };
      } else if (!before || last?.part !== part || last.kind !== kind || this.failed(before, after)) {
        this.pair = null; // another kind of map would be read as this one
      }
    });
  }

  private failed(before: MapsQuery, after: MapsQuery | null): boolean {
    return this.loader.error(before) !== null || (after !== null && this.loader.error(after) !== null);
  }
}
