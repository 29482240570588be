import type { TokenValues } from '../render/scale';
import type { PointFigure } from '../run/pictures';
import type { TokenIndex } from '../run/places';
import { FIGURE_COLOURINGS } from './of_heads';
import { labelColourings } from './of_labels';
import { TOKEN_COLOURINGS } from './of_tokens';

export const GROUPS = ['Token', 'Sequence', 'Labels', 'Head’s own', 'Error'] as const;
export type Group = (typeof GROUPS)[number];

type ErrorFigure = 'missed_keys' | 'false_neighbours' | 'tears';

/** Where a colouring has its values from: the kind of point, the probe's tokens, the samples (so that it is another
 * one for each head and step), or the projection of the opened head. */
export type Origin =
  | { readonly kind: 'side' }
  | { readonly kind: 'tokens'; values(index: TokenIndex): TokenValues }
  | {
      readonly kind: 'figure';
      readonly figure: PointFigure;
      readonly unit: string;
      /** From 0 to 1 in every head; else each head has a range of its own. */
      readonly share: boolean;
      readonly logarithmic: boolean;
    }
  | { readonly kind: 'error'; readonly error: ErrorFigure };

/** One thing that a point's colour can tell. */
export interface Colouring {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly says: string;
  readonly group: Group;
  readonly origin: Origin;
}

export const BY_KIND: Colouring = {
  id: 'kind',
  title: 'query / key',
  says: 'Whether a point is a query or a key.',
  group: 'Token',
  origin: { kind: 'side' },
};

const ERROR_COLOURINGS: readonly Colouring[] = [
  {
    id: 'missed_keys',
    title: 'missed keys',
    says: 'How far the key that a query attends to most is from being among the three nearest; of a key, the mean over such queries.',
    group: 'Error',
    origin: { kind: 'error', error: 'missed_keys' },
  },
  {
    id: 'false_neighbours',
    title: 'false neighbours',
    says: 'How many of the points near it on screen are no neighbours of it in all dimensions.',
    group: 'Error',
    origin: { kind: 'error', error: 'false_neighbours' },
  },
  {
    id: 'tears',
    title: 'tears',
    says: 'How many of its neighbours in all dimensions are far from it on screen.',
    group: 'Error',
    origin: { kind: 'error', error: 'tears' },
  },
];

/** All that there is for this probe, group by group.
 * @param values whether norms of values were recorded */
export function colouringsOf(index: TokenIndex | null, values = false): readonly Colouring[] {
  const all = [
    BY_KIND,
    ...TOKEN_COLOURINGS,
    ...(index ? labelColourings(index) : []),
    ...FIGURE_COLOURINGS.filter(({ id }) => values || id !== 'value_norm'),
    ...ERROR_COLOURINGS,
  ];
  return all.toSorted((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

/** Whether the colour is about one head's projection, not about the tokens. */
export function isError(id: string): id is ErrorFigure {
  return ERROR_COLOURINGS.some((colouring) => colouring.id === id);
}
