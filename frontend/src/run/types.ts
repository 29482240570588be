/** The routes' JSON, name for name (docs/http_api.md), and the queries that are put to them. */

import type { NpyArray, NpyBytes } from '../base/npy';
import type { Projection } from './projection';

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
  readonly layers: readonly Layer[];
  /** In the order of recording; the last one is what is shown. */
  readonly segments: readonly Segment[];
  readonly sequences: number;
  readonly queries: number;
  readonly keys: number;
  /** Where layers differ in their tokens: all lists, whose tokens `queries` and `keys` count then (`NumberedSource`). */
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
export interface GridLabels extends GridSize {
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

/** A rule of health that heads broke at a step (`raised`), or keep again. */
export interface Alert {
  readonly step: number;
  readonly rule: string;
  readonly figure: string;
  readonly raised: boolean;
  readonly limit: JsonNumber;
  /** Fit to be shown as it stands. */
  readonly sentence: string;
  /** The worst one first. */
  readonly heads: readonly { readonly layer: number; readonly head: number; readonly value: JsonNumber }[];
}

export interface Alerts {
  readonly run: string;
  readonly alerts: readonly Alert[];
}

/** A head is of a kind from `since` on; see docs/findings.md. */
export interface Finding {
  readonly kind: string;
  /** What it is called: "previous token", "11 tokens back". */
  readonly title: string;
  readonly since: number;
  readonly until: number | null;
  readonly figure: string;
  /** Of `figure`, mostly a share of attention; null where it is not known. */
  readonly value: number | null;
  readonly at: number;
  readonly sentence: string;
  /** Key less query, in tokens, or rows and columns of patches. */
  readonly offset: number | readonly [number, number] | null;
  /** Layer and number of the head that this one attends as. */
  readonly partner: readonly [number, number] | null;
  readonly trouble: boolean;
  readonly needs_samples: boolean;
  /** Of exported pages alone. */
  readonly evidence?: Evidence | null;
}

/** What one head does. */
export interface NamedHead {
  readonly layer: number;
  readonly head: number;
  /** What a cell says; null where it is of no kind. */
  readonly title: string | null;
  /** Fit to be shown as it stands. */
  readonly sentence: string;
  readonly findings: readonly Finding[];
  /** What it was and is no more. */
  readonly lost: readonly Finding[];
}

/** Heads of one kind, the clearest first. */
export interface FindingGroup {
  readonly kind: string;
  readonly title: string;
  readonly sentence: string;
  readonly since: number;
  readonly trouble: boolean;
  readonly heads: readonly (readonly [number, number])[];
}

/** Something that happened in a run: a kind formed or lost, an alert, a restart. */
export interface RunEvent {
  readonly step: number;
  readonly what: 'formed' | 'lost' | 'alert' | 'cleared' | 'restart' | 'changed model';
  readonly sentence: string;
  readonly layer: number | null;
  readonly head: number | null;
  readonly kind: string | null;
  readonly trouble: boolean;
}

/** What all heads do at a step, and all that happened in the run. */
export interface Findings {
  readonly run: string;
  readonly step: number;
  /** The last step whose samples were looked at. */
  readonly sampled: number | null;
  readonly heads: readonly NamedHead[];
  readonly groups: readonly FindingGroup[];
  readonly events: readonly RunEvent[];
}

export interface FindingsQuery {
  readonly run: string;
  readonly step: number;
}

/** The query that shows best that a head is of a kind. */
export interface Evidence {
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  readonly kind: string;
  readonly sequence: number;
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  readonly query_token: string;
  readonly key_token: string;
  readonly sentence: string;
}

export interface EvidenceQuery extends FindingsQuery {
  readonly layer: number;
  readonly head: number;
  readonly kind: string;
}

/** The 202 answer: still being made; `done` of `total` pieces are ready, both 0 until a worker begins. */
export interface Progress {
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

export type Dims = 2 | 3;

/** How urgent an answer is: looked at now, the rest of the matrix, steps that may come next. */
export type Priority = 0 | 1 | 2;

/** Some of a head's points, by their numbers among queries then keys, ascending. */
export interface Group {
  /** Tells groups apart. */
  readonly id: string;
  readonly points: readonly number[];
  /** How many points the head has altogether. */
  readonly of: number;
}

export interface PointsQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  /** Only this head; without it all of the layer's. */
  readonly head?: number;
  readonly projection: Projection;
  readonly dims: Dims;
  readonly frame: number;
  /** A frame that is there at once, because it is fitted to its newest step alone. */
  readonly fit?: 'newest';
  /** Only these points, projected again by themselves. */
  readonly alone?: Group;
  /** The run whose frame `frame` is, where the points of one run are drawn in the frame of another. */
  readonly inFrameOf?: string;
}

/** float32 [heads, points, dims], and for heads without a (full) picture a sentence that says why. */
export interface Points extends NpyArray {
  readonly notes: ReadonlyMap<number, string>;
}

export interface TrustQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  readonly projection: Projection;
  readonly dims: Dims;
  readonly frame: number;
  /** The step whose way to this one is judged. */
  readonly previous?: number;
}

/** How far one head's picture can be believed. */
export interface Trust {
  /** For which share of the queries the key attended to most is among the three nearest; and what chance would give. */
  readonly top_key: JsonNumber;
  readonly top_key_chance: JsonNumber;
  readonly faithfulness: JsonNumber;
  readonly trustworthiness: JsonNumber;
  readonly continuity: JsonNumber;
  readonly neighbour_recall: JsonNumber;
  /** How many neighbours these figures look at. */
  readonly k: number;
  /** Spearman's correlation of the points' motion from the previous step, in all dimensions and on screen. */
  readonly motion: { readonly previous: number; readonly spearman: JsonNumber } | null;
  /** Per point, queries then keys, in [0, 1]. */
  readonly missed_keys: readonly JsonNumber[];
  readonly false_neighbours: readonly JsonNumber[];
  readonly tears: readonly JsonNumber[];
  /** Fit to be shown as it stands. */
  readonly sentence: string;
  readonly note: string | null;
  /** What the paper's normalisation did to this head; null where it is not used. */
  readonly normalisation: { readonly c: number; readonly translation: JsonNumber } | null;
}

const POINT_FIGURES = [
  'norm',
  'max_logit',
  'entropy',
  'first',
  'received',
  'attracted',
  'value_norm',
] as const;
export type PointFigure = (typeof POINT_FIGURES)[number];

/** A figure of every query and key of a layer's heads. */
export interface FigureQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly figure: PointFigure;
}

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
