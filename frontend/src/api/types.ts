/** The routes' JSON, name for name (docs/http_api.md), and the queries that are put to them. */

/** TensorBoard's convention for numbers that JSON cannot hold. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

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
  /** Ascending. */
  readonly steps: readonly number[];
  readonly layers: readonly Layer[];
  /** In the order of recording; the last one is what is shown. */
  readonly segments: readonly Segment[];
  readonly sequences: number;
  readonly queries: number;
  readonly keys: number;
  readonly figures: readonly string[];
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
}

export interface Probe {
  readonly run: string;
  readonly sequences: readonly Sequence[];
}

export interface HealthDocument {
  readonly run: string;
  readonly steps: readonly number[];
  readonly heads: readonly number[];
  readonly figures: Readonly<Record<string, readonly (readonly JsonNumber[])[]>>;
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

/** The 202 answer: the frame is still being fitted; `done` of `total` steps are read. */
export interface Progress {
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

export const PROJECTIONS = ['biplot', 'pca'] as const;
export type Projection = (typeof PROJECTIONS)[number];
export type Dims = 2 | 3;

export interface PointsQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly projection: Projection;
  readonly dims: Dims;
  readonly frame: number;
}

export interface AttentionQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  /** `mean`: averaged over all sequences by position. */
  readonly sequence: number | 'mean';
}
