import { type Series, sharesBetween } from './health';

/** Of the range of all heads and steps: deviations among heads that hardly differ are not blown up. */
const FLOOR = 0.02;
/** From the median absolute deviation to the standard deviation of a normal distribution. */
const TO_SIGMA = 1.4826;

/** How far a head's newest figure is from the median of all heads, in robust deviations, on the scale that its chart is drawn
 * with; null while it is not here, NaN where it is not known. */
export function standsOut(series: Series, head: number): number | null {
  const newest = series.steps.at(-1) ?? Number.NaN;
  if (series.at(newest) === null) return null;
  const shares = sharesBetween(series, newest, newest, 0);
  const own = shares[head] ?? Number.NaN;
  const known = shares.filter((x) => !Number.isNaN(x));
  const middle = median(known);
  const spread = TO_SIGMA * median(known.map((x) => Math.abs(x - middle)));
  return Math.abs(own - middle) / (spread + FLOOR);
}

/** The order of a head's charts: what stands out first; of equals, the order that they come in; what is not known last.
 * Once all figures are here, later steps move none of them. */
export class ChartOrder {
  private settled: { readonly of: string; readonly names: readonly string[] } | null = null;

  /** Names of these figures.
   * @param of whose charts they are: run, start and head */
  names(of: string, all: readonly Series[], head: number): readonly string[] {
    const whose = `${of} ${all.map(({ name }) => name).join()}`;
    if (this.settled?.of === whose) return this.settled.names;
    const apart = all.map((series) => ({ name: series.name, by: standsOut(series, head) }));
    const settled = apart.every(({ by }) => by !== null);
    const rank = (by: number | null) => (by === null || Number.isNaN(by) ? -1 : by);
    const names = apart.sort((a, b) => rank(b.by) - rank(a.by)).map(({ name }) => name);
    if (settled) this.settled = { of: whose, names };
    return names;
  }
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return (low + high) / 2;
}
