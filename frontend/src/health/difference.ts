import type { Series } from './health';

/** What one figure of a head is in one run or at one step, less what it is in the other; for magnitudes that spread over
 * orders of magnitude the decimal logarithm of their ratio. */
export interface Difference {
  readonly name: string;
  readonly logarithmic: boolean;
  /** [heads]; NaN where one of the two is not known. */
  readonly values: Float64Array;
  /** The greatest that occurs, of either sign, over all the pairs of steps that are compared; above 0. */
  readonly most: number;
}

/** @param pairs of steps, of `a` and of `b`, that may be looked at: one scale holds for all of them
 * @param shown the pair that is looked at */
export function differenceOf(
  a: Series,
  b: Series,
  pairs: Iterable<readonly [number, number]>,
  shown: readonly [number, number],
): Difference {
  const logarithmic = a.scale.logarithmic || b.scale.logarithmic;
  const at = ([stepA, stepB]: readonly [number, number]): Float64Array => {
    const [rowA, rowB] = [a.steps.indexOf(stepA), b.steps.indexOf(stepB)];
    return Float64Array.from({ length: a.heads }, (_, head) => {
      const x = rowA < 0 ? Number.NaN : (a.values[rowA * a.heads + head] ?? Number.NaN);
      const y = rowB < 0 ? Number.NaN : (b.values[rowB * b.heads + head] ?? Number.NaN);
      const less = logarithmic ? Math.log10(x) - Math.log10(y) : x - y;
      return Number.isFinite(less) ? less : Number.NaN;
    });
  };
  const values = at(shown);
  let most = greatest(values);
  for (const pair of pairs) most = Math.max(most, greatest(at(pair)));
  return { name: a.name, logarithmic, values, most: most > 0 ? most : 1 };
}

/** Numbers of the heads that differ most, the first one most. */
export function differMost({ values }: Difference, count: number): number[] {
  return [...values.keys()]
    .filter((head) => Math.abs(values[head] ?? 0) > 0)
    .sort((x, y) => Math.abs(values[y] ?? 0) - Math.abs(values[x] ?? 0))
    .slice(0, count);
}

/** +0.412, −0.3; ×2.5 where it is a ratio. */
export function formatDifference({ logarithmic }: Pick<Difference, 'logarithmic'>, value: number): string {
  if (Number.isNaN(value)) return '–';
  if (logarithmic) {
    const ratio = 10 ** Math.abs(value);
    const digits =
      ratio >= 10_000 ? ratio.toExponential(0).replace('e+', 'e') : ratio.toFixed(ratio >= 10 ? 0 : 1);
    return `${value < 0 ? '÷' : '×'}${digits}`;
  }
  const size = Math.abs(value);
  const digits =
    size >= 100
      ? size.toFixed(0)
      : size >= 10
        ? size.toFixed(1)
        : size >= 1
          ? size.toFixed(2)
          : size.toFixed(3);
  return Number(digits) === 0 ? '0' : `${value < 0 ? '−' : '+'}${digits}`;
}

function greatest(values: Float64Array): number {
  return values.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 0);
}
