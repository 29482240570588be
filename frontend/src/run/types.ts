/** The routes' JSON, name for name (docs/http_api.md), and the queries that are put to them. */

import type { NpyBytes } from '../base/npy';

/** TensorBoard's convention for numbers that JSON cannot hold. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

export function toNumber(value: JsonNumber): number {
  return typeof value === 'number' ? value : Number(value);
}

/** The patches of an image: so many rows of so many. */
export interface GridSize {
  readonly rows: number;
  readonly columns: number;
}

/** The patches of a layer's own grid, and the tokens without a place before them ([CLS]). */
export interface OwnGrid extends GridSize {
  /** Absent: none. */
  readonly special?: number;
}

/** Which tokens of a sequence are meant: its own, or those of its other side. */
export type TokensOf = 'tokens' | 'key_tokens';

export interface Layer {
  readonly name: string;
  /** The model's own number of this layer, for labels: some layers may not be recorded. */
  readonly number: number;
  readonly heads: number;
  /** The model's own numbers of these heads, for labels. */
  readonly head_numbers: readonly number[];
  readonly kv_heads: number;
  readonly head_dim: number;
  readonly causal: boolean;
  /** To the same tokens, or to those of another sequence. */
  readonly attends: 'self' | 'cross';
  readonly queries_of: TokensOf;
  readonly keys_of: TokensOf;
  /** How many of each, of all sequences. */
  readonly queries: number;
  readonly keys: number;
  /** A grid of its own over the image; null where its tokens are those of the probe. */
  readonly query_grid: OwnGrid | null;
  readonly key_grid: OwnGrid | null;
  /** Whether the norms of its values are recorded; absent: they are not. */
  readonly values?: boolean;
}

/** A list of tokens that layers attend from or to, of all sequences, one after the other. */
export interface TokenList {
  readonly of: TokensOf;
  /** Whose patches they are; null: the probe's tokens themselves. */
  readonly grid: OwnGrid | null;
  /** Number of the first one in the numbering of all lists. */
  readonly first: number;
  readonly tokens: number;
}

/** What was recorded with one probe and one set of layers. */
export interface Segment {
  readonly steps: readonly number[];
  readonly layers: number;
  readonly heads: number;
  readonly sequences: number;
}

export interface Run {
  readonly run: string;
  /** The run that went on after this earlier part of it, whose scalars are the part's too; null or absent: it is whole. */
  readonly part_of?: string | null;
  /** Ascending. */
  readonly steps: readonly number[];
  /** Start and count of the checkpoint that was written last: another one also where a step is written again. */
  readonly order?: readonly number[] | null;
  /** Another one whenever there are other figures or alerts, also between checkpoints. */
  readonly health?: string | null;
  readonly layers: readonly Layer[];
  /** In the order of recording; the last one is what is shown. */
  readonly segments: readonly Segment[];
  readonly sequences: number;
  readonly queries: number;
  readonly keys: number;
  /** Where layers differ in their tokens: all lists, whose tokens `queries` and `keys` count then (`numberedSource`). */
  readonly lists?: readonly TokenList[];
  readonly figures: readonly string[];
  /** At which steps there are small maps, and of which kinds of sequences; absent: nothing is known of any. */
  readonly maps?: { readonly steps: readonly number[]; readonly kinds: readonly string[] };
  /** Checkpoints that are left out because they cannot be read; and a sentence for all that is. */
  readonly missing?: readonly number[];
  readonly damaged?: readonly string[];
  /** Equal for runs that were recorded with the same probe; null with an error. */
  readonly probe?: string | null;
  /** One sentence why this run cannot be shown, or null. */
  readonly error: string | null;
}

export interface Runs {
  readonly runs: readonly Run[];
}

export interface Sequence {
  readonly kind: string;
  readonly tokens: readonly string[];
  readonly repeat: { readonly start: number; readonly period: number } | null;
  /** What else is known of the tokens, one value each: a category, or a number. */
  readonly labels?: Readonly<Record<string, readonly (string | number)[]>>;
  /** The patches of an image, and the row and column of each token that is one; null of what is no image. */
  readonly grid?: GridSize | null;
  readonly places?: readonly (readonly [number, number] | null)[] | null;
  /** Its picture's size in pixels. */
  readonly image?: { readonly width: number; readonly height: number } | null;
  /** Labels of the patches of other grids over the same image, which layers have. */
  readonly grid_labels?: readonly GridLabels[];
  /** Its other side, in models with two. */
  readonly key_tokens?: Sequence | null;
}

/** One value a patch, row after row. */
interface GridLabels extends GridSize {
  readonly labels: Readonly<Record<string, readonly (string | number)[]>>;
}

export interface Probe {
  readonly run: string;
  readonly sequences: readonly Sequence[];
}

/** All health figures of a run, as a page holds them. */
export interface HealthDocument {
  readonly run: string;
  readonly steps: readonly number[];
  readonly heads: readonly number[];
  readonly figures: Readonly<Record<string, readonly (readonly JsonNumber[])[]>>;
  /** Absent: of a page, where nothing changes. */
  readonly digest?: string;
}

/** At which steps there are health figures: those from row `from` on of so many `rows`, a row a step. */
export interface HealthSteps {
  readonly run: string;
  readonly from: number;
  readonly rows: number;
  readonly steps: readonly number[];
  /** Of each layer. */
  readonly heads: readonly number[];
  readonly figures: readonly string[];
  /** Of the figures in all rows. */
  readonly digest: string;
}

/** What a client has of a run's figures: so many rows, and the digest that came with them. */
export interface KnownHealth {
  readonly from: number;
  readonly known: string;
}

/** Rows `from` … `to`, not included, of so many `rows` whose digest is `known`. */
export interface RowsQuery {
  readonly run: string;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  readonly known: string;
}

/** One figure of all heads, in buckets of so many rows. */
export interface FigureOfHeadsQuery extends RowsQuery {
  readonly figure: string;
  readonly every: number;
}

/** All figures of one head, by its number in the model, or the range of all heads. */
export interface RangeQuery extends RowsQuery {
  readonly every: number;
  readonly head?: number;
}

/** The 202 answer: still being made; `done` of `total` pieces are ready, both 0 until a worker begins. */
export interface Progress {
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

/** How urgent an answer is: looked at now, the rest of the matrix, steps that may come next. */
export type Priority = 0 | 1 | 2;

/** Of the small maps: the first positions as they are, the whole length in parts, by how far the key is from the query,
 * and by patch. */
export type MapPart = 'first' | 'pooled' | 'offsets' | 'received';

/** One small map of every head. */
export interface MapsQuery {
  readonly run: string;
  readonly step: number;
  readonly kind: string;
  readonly part: MapPart;
}

/** [heads of all layers, rows, columns] of codes: a number is ((code − 1) / 254)², code 0 is none. */
export type SmallMaps = NpyBytes;

/** How much each of a layer's heads changed from one step to another. */
export interface ChangeQuery {
  readonly run: string;
  readonly step: number;
  readonly since: number;
  readonly layer: number;
}

/** How alike every two heads of the model are. */
export interface SimilarityQuery {
  readonly run: string;
  readonly step: number;
  /** Of this one alone, by its number among the heads of all layers: of many heads the whole is large. */
  readonly head?: number;
}

export interface AttentionQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  /** `mean`: averaged over all sequences by position. */
  readonly sequence: number | 'mean';
  /** Rows weighted by the norms of the values that they fetch. */
  readonly weight?: 'values';
  /** Only the row of this query. */
  readonly query?: number;
  /** Only the column of this key. */
  readonly key?: number;
}

/** A head's attention within one image, over all patches. */
export type ImageSummaryQuery = Omit<AttentionQuery, 'query' | 'key'>;

export interface ImageSummary {
  /** The mean weight by how far the key is from the query, NaN where no query has such a key. [2 rows − 1, 2 columns − 1] */
  readonly offsets: Float32Array;
  /** How far away what is attended to is on average, in patches. */
  readonly distance: number;
}
