import { noise } from '../base/noise';
import type { PointFigure } from '../run/pictures';
import type { SyntheticHead } from './synthetic_head';

/** A figure of each made-up query, then key. */
export function pointFigure(
  figure: PointFigure,
  head: SyntheticHead,
  formed: number,
  tokens: readonly { readonly index: number; readonly at: number }[],
): Float32Array {
  const sides = {
    norm: 'both',
    max_logit: 'both',
    entropy: 'query',
    first: 'query',
    received: 'key',
    attracted: 'key',
    value_norm: 'key',
  };
  const of = (side: 'query' | 'key') =>
    tokens.map(({ index, at }) => {
      if (sides[figure] !== 'both' && sides[figure] !== side) return Number.NaN;
      const chance = noise(head.seed + index, side === 'query' ? 61 : 67);
      if (figure === 'norm')
        return (side === 'query' ? 6 : 4) * (1 + 2 * formed * chance) + (at === 0 ? 5 : 0);
      if (figure === 'value_norm') return valueNorm(at);
      if (figure === 'max_logit') return 1 + 12 * formed * chance;
      if (figure === 'entropy') return at === 0 ? Number.NaN : 1 - formed * chance;
      if (figure === 'first') return at === 0 ? 1 : 0.1 + 0.8 * formed * chance;
      const received = at === 0 ? 0.1 + 0.7 * formed : 0.1 * chance;
      return figure === 'received' ? received : 20 * received;
    });
  return Float32Array.from([...of('query'), ...of('key')]);
}

/** The first token's value is short, as where attention rests on it. */
function valueNorm(at: number): number {
  return at === 0 ? 0.1 : 1 + 0.2 * (at % 3);
}

/** Rows [n, n] weighted by the norms of their values, each of sum 1 again. */
export function weightedByValues(weights: Float32Array, n: number): Float32Array {
  const weighted = weights.map((weight, pair) => weight * valueNorm(pair % n));
  for (let row = 0; row < n; row++) {
    const cells = weighted.subarray(row * n, (row + 1) * n);
    const total = cells.reduce((sum, weight) => sum + weight, 0);
    cells.forEach((weight, key) => {
      cells[key] = weight / total;
    });
  }
  return weighted;
}

const CLASSES: readonly (readonly [string, RegExp])[] = [
  ['X', /^\[.*\]$/],
  ['PUNCT', /^[.,Ċ]$/],
  ['NUM', /^\d+$/],
  ['DET', /^Ġ?(the|a|her|all|little|every)$/],
  ['ADP', /^Ġ?(to|in|for|after|upon|back|of)$/],
  ['PRON', /^Ġ?(it|she|She|that|who|there)$/],
  ['VERB', /^Ġ?(was|had|chased|went|gave|rose|read|put|folded|published|changed|loved|closed|eat|##en)$/],
];

/** What a tagger would say of these words, near enough; and how sure it would be. */
export function syntheticLabels(tokens: readonly string[]): Record<string, (string | number)[]> {
  const tag = (token: string) => CLASSES.find(([, words]) => words.test(token))?.[0] ?? 'NOUN';
  return {
    'part of speech': tokens.map(tag),
    script: tokens.map((token) =>
      /^\[/.test(token) ? 'special' : /[a-z]/i.test(token) ? 'letters' : 'other',
    ),
    length: tokens.map((token) => token.length),
    surprise: tokens.map((token, i) => 0.5 + 9 * noise(token.length, i)),
  };
}
