import type { HeadPlace } from '../run/head';
import { type Codec, codec } from '../run/setting';
import type { Layer } from '../run/types';
import { matchHeads } from './head_pattern';

/** Which heads are shown. */
export interface HeadFilter {
  /** See `matchHeads`; empty: all. */
  readonly names: string;
  /** The figure whose values have to lie within a range, or null. */
  readonly score: string | null;
  /** The range; null leaves an end open. */
  readonly least: number | null;
  readonly most: number | null;
}

/** What a score is called. */
export const SCORE = /^\w[\w./-]*$/;
const NUMBER = /^-?\d+(\.\d+)?(e-?\d+)?$/i;

export const EVERY_HEAD: HeadFilter = { names: '', score: null, least: null, most: null };

export function isFiltering({ names, score, least, most }: HeadFilter): boolean {
  return names.trim() !== '' || (score !== null && (least !== null || most !== null));
}

/** Numbers of the heads that pass. A value that is not known passes no range. */
export function passing(
  filter: HeadFilter,
  layers: readonly Layer[],
  places: readonly HeadPlace[],
  values: ArrayLike<number> | null,
): number[] {
  const named = matchHeads(filter.names, layers);
  const { least, most } = filter;
  const ranged = values !== null && (least !== null || most !== null);
  const numbers: number[] = [];
  places.forEach((place, number) => {
    if (!named(place)) return;
    const value = values?.[number] ?? Number.NaN;
    const within =
      value >= (least ?? Number.NEGATIVE_INFINITY) && value <= (most ?? Number.POSITIVE_INFINITY);
    if (!ranged || within) numbers.push(number);
  });
  return numbers;
}

/** Values that pass: a score, the least and the greatest one, with two dots between them. */
export const scoreRange: Codec<Omit<HeadFilter, 'names'>> = codec(
  (text) => {
    const [score, low, high, ...rest] = text.split('..');
    if (score === undefined || !SCORE.test(score) || rest.length > 0) return undefined;
    const [least = null, most = null] = [low, high].map((end) =>
      end && NUMBER.test(end) ? Number(end) : null,
    );
    return least === null && most === null ? undefined : { score, least, most };
  },
  ({ score, least, most }) =>
    score !== null && (least !== null || most !== null) ? `${score}..${least ?? ''}..${most ?? ''}` : null,
);
