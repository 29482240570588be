import type { TokenPlace } from '../attention/side';
import {
  difference,
  type Gone,
  type Pair,
  percent,
  signedPercent,
  strongest,
  without,
} from '../attention/weights';
import type { Attention, Drawn } from './asked_attention.svelte';

/** What one token gives, or gets. */
export interface OwnWeights {
  readonly of: TokenPlace;
  readonly weights: Float32Array;
}

/** One picture of the sentence. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  /** The step that it is of; null while nothing is here. */
  readonly step: number | null;
  /** Whether that is another one than is shown, whose attention is still on its way. */
  readonly late: boolean;
  /** [queries, keys]; null until it is here, or where only a part of it was asked for. */
  readonly weights: Float32Array | null;
  /** What was asked for instead: of one query to all keys, or of one key from all queries. */
  readonly part: OwnWeights | null;
  /** Those of them that are strong enough to be drawn. */
  readonly drawn: Float32Array | null;
  /** A difference: from −1 to 1. */
  readonly signed: boolean;
}

/** What of the weights is drawn. */
export interface Choice {
  /** Which tokens are left out. */
  readonly gone: Gone;
  /** Keys drawn for each query; 0: all. */
  readonly top: number;
  /** The least weight that is drawn. */
  readonly least: number;
}

type Named = Pick<Panel, 'id' | 'title'>;

/** The picture of an answer. One of another size is not of this sentence. */
export function panelOf(named: Named, answer: Drawn | null, choice: Choice): Panel {
  const read = answer && readable(answer.attention, choice.gone);
  const part = read?.of ? { of: read.of, weights: read.weights } : null;
  const weights = part ? null : (read?.weights ?? null);
  const { step, late } = read && answer ? answer : { step: null, late: false };
  return {
    ...named,
    step,
    late,
    weights,
    part,
    drawn: chosen(weights, choice),
    signed: false,
  };
}

/** What the first is more than the second; empty where one of them is not here. */
export function differenceOf(named: Named, shown: Panel, other: Panel, choice: Choice): Panel {
  const of = shown.part?.of;
  const same = of?.side === other.part?.of.side && of?.token === other.part?.of.token;
  const less = (a?: Float32Array | null, b?: Float32Array | null) => (a && b ? difference(a, b) : null);
  const weights = less(shown.weights, other.weights);
  const part = same ? less(shown.part?.weights, other.part?.weights) : null;
  const here = weights !== null || part !== null;
  return {
    ...named,
    step: here ? shown.step : null,
    late: here && (shown.late || other.late),
    weights,
    part: of && part ? { of, weights: part } : null,
    drawn: chosen(weights, choice),
    signed: true,
  };
}

/** The weight of a pair, for people; '' where it is not here, or only one token is pointed at.
 * @param keys how many there are */
export function weightTold({ weights, late, signed }: Panel, pair: Pair | null, keys: number): string {
  if (pair?.query == null || pair.key === null || late) return '';
  const weight = weights?.[pair.query * keys + pair.key];
  return weight === undefined ? '' : signed ? signedPercent(weight) : percent(weight);
}

function chosen(weights: Float32Array | null, { gone, top, least }: Choice): Float32Array | null {
  return weights && strongest(weights, gone.key.length, top, least);
}

function readable(
  { of, shape, data }: Attention,
  { query, key }: Gone,
): { readonly of: TokenPlace | null; readonly weights: Float32Array } | null {
  const rows = of?.side === 'query' ? query.slice(of.token, of.token + 1) : query;
  const columns = of?.side === 'key' ? key.slice(of.token, of.token + 1) : key;
  if (shape[0] !== rows.length || shape[1] !== columns.length) return null;
  return { of, weights: without(data, { query: rows, key: columns }) };
}
