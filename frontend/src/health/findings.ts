import { type Series, valueAt } from './health';

/** What a health figure makes of a head from a limit on. */
interface Kind {
  readonly figure: string;
  readonly limit: number;
  /** What such a head is called. */
  readonly title: string;
}

/** Limits are the literature's for induction (Olsson et al. 2022) and sinks (Gu et al. 2024). The others are mean weights
 * on one place, as induction's is, and take its limit. What training has to form comes first. */
const KINDS: readonly Kind[] = [
  { figure: 'induction', limit: 0.4, title: 'Induction' },
  { figure: 'previous', limit: 0.4, title: 'Previous token' },
  { figure: 'duplicate', limit: 0.4, title: 'Duplicate token' },
  { figure: 'next', limit: 0.4, title: 'Next token' },
  { figure: 'self', limit: 0.4, title: 'Self' },
  { figure: 'sink', limit: 0.3, title: 'Sink' },
];

/** A head that does something that can be named. */
export interface NamedHead {
  readonly number: number;
  readonly value: number;
  /** The first of the steps through which it has done so up to the shown one; null where earlier ones are not here. */
  readonly since: number | null;
}

/** The heads that do the same, the clearest first. */
export interface Finding extends Kind {
  readonly heads: readonly NamedHead[];
}

/** What heads can be called at a step, by their health figures. */
export function findingsAt(health: ReadonlyMap<string, Series>, step: number): Finding[] {
  return KINDS.flatMap((kind) => {
    const series = health.get(kind.figure);
    if (!series) return [];
    const heads = Array.from({ length: series.heads }, (_, number) => ({
      number,
      value: valueAt(series, step, number),
    }))
      .filter(({ value }) => value >= kind.limit)
      .sort((a, b) => b.value - a.value)
      .map((head) => ({ ...head, since: sinceWhen(series, step, head.number, kind.limit) }));
    return heads.length > 0 ? [{ ...kind, heads }] : [];
  });
}

/** Whether there are figures that heads could be called by. */
export function nameable(health: ReadonlyMap<string, Series>): boolean {
  return KINDS.some(({ figure }) => health.has(figure));
}

/** The first step of those through which a head has kept to the limit, up to this one; null where one is not here. */
function sinceWhen(series: Series, step: number, number: number, limit: number): number | null {
  let row = series.steps.indexOf(step);
  for (; row > 0; row--) {
    const before = series.at(series.steps[row - 1] ?? Number.NaN);
    if (before === null) return null;
    if (!((before[number] ?? Number.NaN) >= limit)) break;
  }
  return series.steps[row] ?? step;
}
