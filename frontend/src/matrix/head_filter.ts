import type { HeadPlace } from '../run/head';
import { type Codec, codec } from '../run/setting';
import type { Layer } from '../run/types';
import { matchHeads } from './head_pattern';

/** Values of a figure that pass; null leaves an end open. */
export interface ScoreRange {
  readonly score: string;
  readonly least: number | null;
  readonly most: number | null;
}

/** Which heads are shown: those that pass all of it. */
export interface HeadFilter {
  /** See `matchHeads`; empty: all. */
  readonly names: string;
  /** At most one of each figure. */
  readonly ranges: readonly ScoreRange[];
}

/** What a score is called: that of a relation ends with any printable name. */
export const SCORE = /^\w[^\p{Cc}]*$/u;
const NUMBER = /^-?\d+(\.\d+)?(e-?\d+)?$/i;

export const EVERY_HEAD: HeadFilter = { names: '', ranges: [] };

export function isFiltering({ names, ranges }: HeadFilter): boolean {
  return names.trim() !== '' || ranges.length > 0;
}

function within({ least, most }: Omit<ScoreRange, 'score'>, value: number): boolean {
  return value >= (least ?? Number.NEGATIVE_INFINITY) && value <= (most ?? Number.POSITIVE_INFINITY);
}

/** Numbers of the heads that pass. A value that is not known passes no range.
 * @param valuesOf a figure of all heads; null while it is not here: all pass */
export function passing(
  filter: HeadFilter,
  layers: readonly Layer[],
  places: readonly HeadPlace[],
  valuesOf: (score: string) => ArrayLike<number> | null,
): number[] {
  const named = matchHeads(filter.names, layers);
  const ranges = filter.ranges.map((range) => [range, valuesOf(range.score)] as const);
  const passes = (number: number) =>
    ranges.every(([range, values]) => values === null || within(range, values[number] ?? Number.NaN));
  return [...places.keys()].filter((number) => {
    const place = places[number];
    return place !== undefined && named(place) && passes(number);
  });
}

/** Ranges with ~ between them: a score, the least and the greatest value that pass, with two dots between them. A name
 * with such signs in it has them, and %, as in an address. */
export const scoreRanges: Codec<readonly ScoreRange[]> = codec(
  (text) => {
    const found = new Map(
      text
        .split('~')
        .flatMap((each) => readRange(each) ?? [])
        .map((range) => [range.score, range]),
    );
    return found.size > 0 ? [...found.values()] : undefined;
  },
  (ranges) =>
    ranges.length > 0
      ? ranges.map(({ score, least, most }) => `${written(score)}..${least ?? ''}..${most ?? ''}`).join('~')
      : null,
);

function written(score: string): string {
  return score
    .replaceAll('%', '%25')
    .replaceAll('~', '%7E')
    .replace(/\.(?=\.|$)/g, '%2E');
}

function readRange(text: string): ScoreRange | null {
  const [name = '', low, high, ...rest] = text.split('..');
  const score = name.replace(/%(25|7E|2E)/g, decodeURIComponent);
  if (!SCORE.test(score) || rest.length > 0) return null;
  const [least = null, most = null] = [low, high].map((end) =>
    end && NUMBER.test(end) ? Number(end) : null,
  );
  return least === null && most === null ? null : { score, least, most };
}
