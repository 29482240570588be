import {
  type Both,
  describe,
  distanceOf,
  isWhole,
  meanDistance,
  offsetMap,
  placeName,
  rowOf,
} from '../attention/reading';
import { among, otherSide, type Side, type TokenPlace } from '../attention/side';
import { weightsOf } from '../attention/weights';
import type { Playback } from '../playback/playback.svelte';
import type { Sentence } from '../reading/sentence.svelte';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { Gathered } from '../run/gathered.svelte';
import { gridOf, type Patches, tokensOf } from '../run/grids';
import type { TokenIndex } from '../run/places';
import { choice, type Settings, settings, whole } from '../run/setting';
import type { DataSource } from '../run/source';
import type { ImageSummary, ImageSummaryQuery, Run } from '../run/types';

/** How attention lies over the image: as a colour, as transparency, or not at all. */
const SHADES = ['colour', 'fade', 'none'] as const;
export type Shade = (typeof SHADES)[number];
/** What is drawn from patch to patch. */
const DRAWN = ['none', 'arrows', 'links'] as const;
export type Drawn = (typeof DRAWN)[number];

/** The least weight of a link that is drawn, per cent, and the greatest choice of it. */
const USUAL_LINKS = 10;
export const MOST_LINKS = 50;
/** With more pairs of patches than these (4 MB), only the selected one's own are asked for. */
export const MOST_PAIRS = 2 ** 20;

/** What of the attention is read, and of which tokens. */
interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly probe: { readonly value: TokenIndex | null };
    readonly source: Pick<DataSource, 'offers' | 'imageSummary'>;
  };
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
  readonly playback: Pick<Playback, 'step'>;
  readonly sentence: Pick<Sentence, 'sides' | 'selected' | 'pictured' | 'sequence' | 'weighing' | 'select'>;
}

/** What is shown of attention from, to and within images: the step, the head, the selection, what is left out and what it
 * is held against are the sentence's. */
export class ImageView implements Feature {
  shade = $state<Shade>('colour');
  drawn = $state<Drawn>('none');
  /** Per cent. */
  least = $state(USUAL_LINKS);
  readonly settings: Settings = settings<ImageView>(
    this,
    { shade: choice(SHADES), drawn: choice(DRAWN), least: whole(MOST_LINKS).as('links_from') },
    () => this.session.focus.selection !== null,
  );
  /** Whether attention is colours over the image, which then have a legend. */
  readonly coloured: boolean = $derived.by(
    () =>
      this.own !== null &&
      (this.shade === 'colour' || (this.shade === 'fade' && this.session.sentence.pictured.signed)),
  );
  /** What is under the pointer, where words and patches stand beside each other. */
  pointed = $state.raw<TokenPlace | null>(null);
  /** Over all patches, where the matrix is too large to be asked for. */
  readonly summaries = new Gathered<ImageSummary>(8);

  constructor(private readonly session: Needs) {}

  /** Which of the opened head's sides are patches of an image, in the selected sequence. */
  readonly patches: Readonly<Record<Side, Patches | null>> = $derived.by(() => {
    const { sentence } = this.session;
    const { selection } = this.session.focus;
    const { probe } = this.session.data;
    const { query, key } = sentence.sides;
    const grid = (list: number) =>
      selection && gridOf(probe.value?.lists[list]?.sequences[selection.sequence]);
    const queries = grid(query.list) ?? null;
    return { query: queries, key: key.list === query.list ? queries : (grid(key.list) ?? null) };
  });

  /** Queries and keys, where both are patches of the same image: it is drawn once. Null elsewhere. */
  readonly within: Both | null = $derived.by(() => {
    const { query, key } = this.patches;
    const { sentence } = this.session;
    const { probe } = this.session.data;
    const of = (side: Side) => probe.value?.lists[sentence.sides[side].list]?.of;
    return query && key && of('query') === of('key') ? { query, key } : null;
  });

  /** Whether one of the sides is an image and the other is not the same one. */
  readonly beside: boolean = $derived(this.within === null && Object.values(this.patches).some(Boolean));

  readonly selected: TokenPlace | null = $derived.by(() => this.session.sentence.selected);

  /** What is read: what is under the pointer, else what is selected. */
  readonly focus: TokenPlace | null = $derived.by(
    () => (this.beside && among(this.pointed, this.session.sentence.sides)) || this.selected,
  );

  /** The one row or column that is enough for what is drawn; null: the whole matrix is. */
  readonly part: TokenPlace | null = $derived.by(() => {
    const { within, selected, drawn, session } = this;
    // A page on its own has whole matrices, and nobody to ask.
    if (!within || !selected || drawn !== 'none' || session.data.source.offers) return null;
    const { query, key } = session.sentence.sides;
    if (query.tokens.length * key.tokens.length <= MOST_PAIRS) return null;
    // What a query gave to keys that are left out goes to the others: its whole row must be known.
    if (selected.side === 'key' && (query.gone.includes(true) || key.gone.includes(true))) return null;
    return selected;
  });

  /** [queries, keys]; null where only a part of them is here. */
  readonly weights: Float32Array | null = $derived.by(() => {
    const { weights } = this.session.sentence.pictured;
    const { query, key } = this.patches;
    const { sides } = this.session.sentence;
    const fits = (side: Side, patches: Patches | null) =>
      patches === null || patches.places.length === sides[side].tokens.length;
    return weights && fits('query', query) && fits('key', key) ? weights : null;
  });

  /** What is asked for where the matrix is too large: over all patches, as they are. Null where nothing is. */
  private readonly summed: ImageSummaryQuery | null = $derived.by(() => {
    const { part, within, session } = this;
    const { playback, sentence } = session;
    const { run } = session.data;
    const { opened } = session.focus;
    const { sequence, sides, pictured, weighing } = sentence;
    if (!part || !within || within.query !== within.key || pictured.id !== 'shown') return null;
    if (!run || !opened || playback.step === null || sequence === null || sides.key.gone.includes(true))
      return null;
    return { run: run.run, step: playback.step, ...opened, sequence, ...weighing };
  });
  private readonly summary: ImageSummary | null = $derived(
    (this.summed && this.summaries.get(JSON.stringify(this.summed))) ?? null,
  );

  /** Of what is read: what it gives to each token of the other side, or gets from each. */
  readonly own: Float32Array | null = $derived.by(() => {
    const { weights, focus, session } = this;
    if (weights && focus) return weightsOf(weights, session.sentence.sides.key.tokens.length, focus);
    const { part } = session.sentence.pictured;
    // What is pointed at beside words may be another token than the one that was asked for.
    return part && focus && part.of.side === focus.side && part.of.token === focus.token
      ? part.weights
      : null;
  });

  /** Whether what is drawn is of another step than the shown one, whose own is on its way: no number is told of it. */
  readonly late: boolean = $derived.by(() => this.session.sentence.pictured.late);

  /** The same, but never of another token or step. */
  private readonly known: Float32Array | null = $derived.by(() => {
    const { weights, own, focus, session, late } = this;
    const of = session.sentence.pictured.part?.of;
    if (late) return null;
    return weights || (of?.side === focus?.side && of?.token === focus?.token) ? own : null;
  });

  /** The patches that they lie over; null where the other side is none. */
  readonly laid: Patches | null = $derived(this.focus && this.patches[otherSide(this.focus.side)]);

  /** The largest of them over the patches, where colours end. */
  readonly most: number = $derived.by(() => {
    const { own, laid } = this;
    if (!own || !laid) return 0;
    return own.reduce((most, weight, i) => (laid.places[i] ? Math.max(most, Math.abs(weight)) : most), 0);
  });

  /** Of all patches by how far the key is from the query; null where keys have another grid. */
  readonly offsets: Float32Array | null = $derived.by(() => {
    const { weights, within } = this;
    if (!within || within.query !== within.key) return null;
    return weights ? offsetMap(weights, within.query) : (this.summary?.offsets ?? null);
  });

  /** Mean distances in patches, of the selected query and of all; null where weights are a difference, or grids differ. */
  readonly distances: { readonly query: number; readonly head: number } | null = $derived.by(() => {
    const { weights, known, within, selected, session, late } = this;
    if (!within || within.query !== within.key || !selected || session.sentence.pictured.signed) return null;
    if (late) return { query: Number.NaN, head: Number.NaN };
    const { side, token } = selected;
    const row = weights ? rowOf(weights, within.query, token) : side === 'query' ? known : null;
    return {
      query: row ? distanceOf(row, within.query, token) : Number.NaN,
      head: weights ? meanDistance(weights, within.query) : (this.summary?.distance ?? Number.NaN),
    };
  });

  /** What is selected, for a screen reader. */
  readonly said: string = $derived.by(() => this.saysOf(this.selected));
  /** What is read, for everybody. */
  readonly read: string = $derived.by(() => this.saysOf(this.focus));

  private saysOf(place: TokenPlace | null): string {
    const { focus, known, weights, session } = this;
    if (!place) return '';
    const { sides, pictured } = session.sentence;
    const own =
      place === focus || !weights || this.late ? known : weightsOf(weights, sides.key.tokens.length, place);
    const { side, token } = place;
    const other = otherSide(side);
    const name = this.nameOf(side, token);
    const places = this.patches[side]?.places;
    return describe(
      own,
      {
        side,
        name: places?.[token] && !isWhole(places) ? `patch ${name}` : name,
        itself: sides.query.list === sides.key.list ? token : null,
        other: (at) => this.nameOf(other, at),
      },
      pictured.signed,
    );
  }

  get busy(): boolean {
    return this.summaries.loading;
  }

  forget(): void {
    this.summaries.forget();
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { summed, session, summaries } = this;
      summaries.need(summed && JSON.stringify(summed), (signal) => {
        if (!summed) throw new Error('There is nothing to sum up.');
        return session.data.source.imageSummary(summed, signal);
      });
    });
  }

  /** "row 3, column 4", "[CLS]", "“river”". */
  nameOf(side: Side, token: number): string {
    const { sentence } = this.session;
    const { probe } = this.session.data;
    const { selection } = this.session.focus;
    const { list, tokens } = sentence.sides[side];
    const patches = this.patches[side];
    if (!patches) return `“${tokens[token] ?? token}”`;
    // As the probe names them, also in the mean of all images.
    const names = probe.value?.lists[list]?.sequences[selection?.sequence ?? 0]?.tokens ?? [];
    return placeName(patches.places, names, token);
  }

  /** Goes so many rows down and columns to the right, as far as the image of a side reaches; from a token without a place,
   * or of the other side, to the first patch. */
  walk(side: Side, rows: number, columns: number): void {
    const { selected } = this;
    const patches = this.patches[side];
    if (!patches || !selected) return;
    const from = selected.side === side ? patches.places[selected.token] : null;
    const at = from ?? [-rows, -columns];
    const held = (place: number, count: number) => Math.min(count - 1, Math.max(0, place));
    this.choose(side, held(at[0] + rows, patches.grid.rows), held(at[1] + columns, patches.grid.columns));
  }

  choose(side: Side, row: number, column: number): void {
    const patches = this.patches[side];
    const token = patches ? tokensOf(patches)[row * patches.grid.columns + column] : undefined;
    if (token !== undefined && token >= 0) this.session.sentence.select({ side, token });
  }

  /** To what the selected patch is as a key, or as a query; on another grid, to the patch at the same place. */
  turn(to: Side): void {
    const { selected, within, session } = this;
    if (!selected || !within || selected.side === to) return;
    const [from, other] = [within[selected.side], within[to]];
    const place = from.places[selected.token];
    if (from === other || !place) {
      session.sentence.select({ side: to, token: from === other ? selected.token : 0 });
      return;
    }
    const at = (i: 0 | 1, of: 'rows' | 'columns') =>
      Math.floor(((place[i] + 0.5) * other.grid[of]) / from.grid[of]);
    this.choose(to, at(0, 'rows'), at(1, 'columns'));
  }
}
