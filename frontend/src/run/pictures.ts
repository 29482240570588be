/** The routes of pictures of heads (docs/http_api.md): points, how far they can be believed, and figures of points. */

import type { NpyArray } from '../base/npy';
import type { Projection } from './projection';
import type { JsonNumber } from './types';

export type Dims = 2 | 3;

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
  /** Of the run in whose frame it is, if that is another one. */
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
