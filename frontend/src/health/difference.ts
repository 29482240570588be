import { signedPercent } from '../attention/weights';
import { isShare } from './figures';
import { type Extremes, type Series, valueAt } from './health';

/** What one figure of a head is in one run or at one step, less what it is in the other; for magnitudes that spread over
 * orders of magnitude the decimal logarithm of their ratio. */
export interface Difference {
  readonly name: string;
  readonly logarithmic: boolean;
  /** [heads]; NaN where one of the two is not known. */
  readonly values: Float64Array;
  /** None of either sign is greater over all the pairs of steps that are compared; above 0. It occurs where both figures are
   * held step by step. */
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
  const less = (x: number, y: number): number => {
    const value = logarithmic ? Math.log10(x) - Math.log10(y) : x - y;
    return Number.isFinite(value) ? value : Number.NaN;
  };
  const values = Float64Array.from({ length: a.heads }, (_, head) =>
    less(valueAt(a, shown[0], head), valueAt(b, shown[1], head)),
  );
  let most = values.reduce(greater, 0);
  const [extremesA, extremesB] = [a.extremes, b.extremes];
  if (extremesA && extremesB) {
    const [rowsA, rowsB] = [rowsOf(a), rowsOf(b)];
    const seen = new Set<string>();
    for (const [stepA, stepB] of pairs) {
      const [first, second] = [bucketOf(extremesA, rowsA.get(stepA)), bucketOf(extremesB, rowsB.get(stepB))];
      const key = `${first} ${second}`;
      if (first === null || second === null || seen.has(key)) continue;
      seen.add(key);
      for (let head = 0; head < a.heads; head++) {
        const [i, j] = [first * a.heads + head, second * a.heads + head];
        most = greater(most, less(extremesA.high[i] ?? Number.NaN, extremesB.low[j] ?? Number.NaN));
        most = greater(most, less(extremesA.low[i] ?? Number.NaN, extremesB.high[j] ?? Number.NaN));
      }
    }
  }
  return { name: a.name, logarithmic, values, most: most > 0 ? most : 1 };
}

function rowsOf({ steps }: Series): ReadonlyMap<number, number> {
  return new Map(steps.map((step, row) => [step, row]));
}

/** Number of the bucket of a row; null where it is not held. */
function bucketOf({ every, count }: Extremes, row: number | undefined): number | null {
  const bucket = row === undefined ? -1 : Math.floor(row / every);
  return bucket >= 0 && bucket < count ? bucket : null;
}

/** Numbers of the heads that differ most, the first one most. */
export function differMost({ values }: Difference, count: number): number[] {
  return [...values.keys()]
    .filter((head) => Math.abs(values[head] ?? 0) > 0)
    .sort((x, y) => Math.abs(values[y] ?? 0) - Math.abs(values[x] ?? 0))
    .slice(0, count);
}

/** +12 % of shares, +0.412; ×2.5 where it is a ratio. */
export function formatDifference(
  { name, logarithmic }: Pick<Difference, 'name' | 'logarithmic'>,
  value: number,
): string {
  if (Number.isNaN(value)) return '–';
  if (isShare(name)) return signedPercent(value);
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

/** The greater of a size and that of a value, which may not be known. */
function greater(most: number, value: number): number {
  return Math.abs(value) > most ? Math.abs(value) : most;
}
