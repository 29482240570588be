import type { Findings } from '../run/findings';
import type { HeadPlace } from '../run/head';

/** A kind that a head was of for a time and is of no more. */
export interface LostKind extends HeadPlace {
  readonly title: string;
  readonly since: number;
  /** The first step at which it was of it no more. */
  readonly until: number;
}

/** What heads were and are no more: of heads that have no name now first, then what was lost at the shown step itself, then what had lasted longest,
 * since heads try kinds while they learn. That a head is dead no more is no loss. */
export function lostKinds({ heads, step }: Pick<Findings, 'heads' | 'step'>): LostKind[] {
  const nameless = new Set(
    heads.filter(({ title }) => title === null).map(({ layer, head }) => `${layer} ${head}`),
  );
  const found = heads.flatMap(({ layer, head, lost }) =>
    lost.flatMap(({ title, since, until, trouble }) =>
      until === null || trouble ? [] : { layer, head, title, since, until },
    ),
  );
  const rank = ({ layer, head, until }: LostKind) =>
    2 * Number(nameless.has(`${layer} ${head}`)) + Number(until === step);
  const lasted = ({ since, until }: LostKind) => until - since;
  return found.sort((a, b) => rank(b) - rank(a) || lasted(b) - lasted(a) || b.until - a.until);
}
