import { type Series, share } from './health';

/** Of the range of all heads and steps: deviations among heads that hardly differ are not blown up. */
const FLOOR = 0.02;
/** From the median absolute deviation to the standard deviation of a normal distribution. */
const TO_SIGMA = 1.4826;

/** How far a head's newest figure is from the median of all heads, in robust deviations, on the scale that its chart is drawn
 * with; null while it is not here, NaN where it is not known. */
export function standsOut(series: Series, head: number): number | null {
  const values = series.at(series.steps.at(-1) ?? Number.NaN);
  if (values === null) return null;
  const shares = Float64Array.from(values, (value) => share(series.scale, value));
  const own = shares[head] ?? Number.NaN;
  const known = shares.filter((x) => !Number.isNaN(x));
  const middle = median(known);
  const spread = TO_SIGMA * median(known.map((x) => Math.abs(x - middle)));
  return Math.abs(own - middle) / (spread + FLOOR);
}

/** What stands out first; of equals, the order that they come in. What is not known comes last. */
export function byStanding(all: readonly Series[], head: number): readonly Series[] {
  const rank = new Map(all.map((series) => [series, standsOut(series, head) ?? Number.NaN]));
  const of = (series: Series) => {
    const value = rank.get(series) ?? Number.NaN;
    return Number.isNaN(value) ? -1 : value;
  };
  return [...all].sort((a, b) => of(b) - of(a));
}

/** The order of a head's charts. Once all figures are here, later steps move none of them. */
export class ChartOrder {
  private settled: { readonly of: string; readonly names: readonly string[] } | null = null;

  /** Names of these figures.
   * @param of whose charts they are: run, start and head */
  names(of: string, all: readonly Series[], head: number): readonly string[] {
    const whose = `${of} ${all.map(({ name }) => name).join()}`;
    if (this.settled?.of === whose) return this.settled.names;
    const names = byStanding(all, head).map(({ name }) => name);
    if (all.every((series) => standsOut(series, head) !== null)) this.settled = { of: whose, names };
    return names;
  }
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return (low + high) / 2;
}
