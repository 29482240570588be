import type { PointFigure } from '../run/pictures';
import type { Colouring } from './colouring';

/** What the samples say of each query and key: another value in each head, at each step. */
export const FIGURE_COLOURINGS: readonly Colouring[] = [
  made('norm', 'norm', 'Length of the query or key vector.'),
  made('max_logit', 'largest logit', 'The largest logit that a query has with a key, or a key with a query.'),
  made(
    'entropy',
    'attention entropy',
    'How spread out a query’s attention is, as a share of the greatest possible.',
    {
      share: true,
    },
  ),
  made('first', 'weight on the first token', 'How much of a query’s attention rests on the first token.', {
    share: true,
  }),
  made('received', 'attention received', 'The mean attention on a key, over the queries that see it.', {
    logarithmic: true,
  }),
  made('attracted', 'attention received, sum', 'The attention on a key, summed over the queries.', {
    unit: 'queries',
    logarithmic: true,
  }),
  made('value_norm', 'value norm', 'Length of the value that a key hands on, ‖v‖.', { logarithmic: true }),
];

function made(
  figure: PointFigure,
  title: string,
  says: string,
  { share = false, logarithmic = false, unit = '' } = {},
): Colouring {
  const origin = { kind: 'figure', figure, unit, share, logarithmic } as const;
  return { id: figure, title, says, group: 'Head’s own', origin };
}
