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
  const found = heads.flatMap(({ layer, head, title: now, lost }) =>
    lost.flatMap(({ title, since, until, trouble }) =>
      until === null || trouble
        ? []
        : {
            kind: { layer, head, title, since, until },
            rank: 2 * Number(now === null) + Number(until === step),
            lasted: until - since,
          },
    ),
  );
  found.sort((a, b) => b.rank - a.rank || b.lasted - a.lasted || b.kind.until - a.kind.until);
  return found.map(({ kind }) => kind);
}
