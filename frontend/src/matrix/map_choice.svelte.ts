import type { Focus } from '../run/focus.svelte';
import { choice, type Settings, settings, text } from '../run/setting';
import type { DataSource } from '../run/source';
import type { MapPart, Run } from '../run/types';

/** What a cell shows of its head: points, its mean attention by position, or by distance. */
export const CELLS = ['points', 'attention', 'offsets'] as const;
export type Cells = (typeof CELLS)[number];
/** Which positions: the first ones as they are, or all of them in parts. */
export const EXTENTS = ['first', 'whole'] as const;
/** Positions of a side of a map: shorter sequences are shown whole, as they are. */
export const MOST_POSITIONS = 32;
/** Of each head the texts that its name rests on: else a cell and its name contradict each other. */
export const AS_NAMED = 'named';

export interface ChoiceNeeds {
  readonly data: {
    readonly run: Run | null;
    readonly source: Pick<DataSource, 'offers'>;
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
  /** A second run, or step: two are compared by their points. */
  readonly against: { readonly run: Run | null };
  /** Whether cells are too small for maps. */
  readonly matrixView: { readonly tiled: boolean };
  /** Heads that stand apart have room for theirs, and so has the opened one. */
  readonly arrangement: { readonly pinned: readonly number[] };
  readonly focus: Pick<Focus, 'opened'>;
}

/** What the matrix's cells show: what was chosen, as far as the run has it. */
export class MapChoice {
  /** Null: where maps were recorded attention, of images by distance: on the grid all queries' keys blur into one. */
  chosen = $state<Cells | null>(null);
  /** The kind of sequences that was chosen; null: as heads are named, where there are texts and repeated ones. */
  of = $state<string | null>(null);
  extent = $state<(typeof EXTENTS)[number]>('first');
  readonly settings: Settings = settings<MapChoice>(this, {
    chosen: choice(CELLS).as('cells'),
    of: text().as('cells_of'),
    extent: choice(EXTENTS).as('positions'),
  });

  constructor(protected readonly session: ChoiceNeeds) {}

  readonly steps: readonly number[] = $derived.by(() => this.session.data.run?.maps?.steps ?? []);
  readonly kinds: readonly string[] = $derived.by(() => this.session.data.run?.maps?.kinds ?? []);
  /** Whether there are kinds to choose from for each head. */
  readonly canBeNamed: boolean = $derived(this.kinds.includes('text') && this.kinds.includes('repeated'));
  readonly kind: string | null = $derived.by(() => {
    if (this.of !== null && this.kinds.includes(this.of)) return this.of;
    return this.canBeNamed ? AS_NAMED : (this.kinds[0] ?? null);
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
  readonly cells: Cells = $derived.by(() =>
    this.lacks === null ? (this.chosen ?? (this.pictured ? 'offsets' : 'attention')) : 'points',
  );
  readonly on: boolean = $derived(this.cells !== 'points');
  /** Whether there is room for them: else they are not asked for. */
  protected readonly drawn: boolean = $derived.by(() => {
    const { matrixView, arrangement, focus } = this.session;
    return this.on && (!matrixView.tiled || arrangement.pinned.length > 0 || focus.opened !== null);
  });
  /** Whether the sequences are images: their maps lie on the grid of patches. */
  readonly pictured: boolean = $derived.by(() => / × /.test(this.kind ?? ''));
  /** Tokens of the longest sequence of the kind; 0 while they are not known. */
  readonly longest: number = $derived.by(() => {
    const all = this.session.data.probe.value?.sequences ?? [];
    const own = all.filter(
      ({ repeat, grid }) =>
        !grid && (this.kind === AS_NAMED || (repeat !== null) === (this.kind === 'repeated')),
    );
    return own.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  });
  readonly part: MapPart = $derived.by(() => {
    if (this.cells === 'offsets') return 'offsets';
    if (this.pictured) return 'received';
    return this.extent === 'whole' && this.longest > MOST_POSITIONS ? 'pooled' : 'first';
  });
}
