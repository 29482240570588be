import { expect, it } from 'vitest';
import { nameOfMatrix } from './matrix_name';

type Needs = Parameters<typeof nameOfMatrix>[0];

const session = (change: Partial<Needs> = {}) =>
  ({
    data: { layers: [{}, {}] },
    grid: { columns: 6 },
    scores: [{ id: 'entropy', title: 'Entropy' }],
    arrangement: { by: 'layer', grid: { shown: 12, total: 12 } },
    against: { run: { run: 'b' } },
    cellMaps: { cells: 'attention' },
    ...change,
  }) as Needs;

it.each([
  [nameOfMatrix(session(), false, false, 100), 'Attention heads: 2 layers × 6 heads, step 100'],
  [
    nameOfMatrix(session(), true, false, 100),
    'Attention heads: 2 layers × 6 heads, step 100, mean attention by position',
  ],
  [
    nameOfMatrix(
      session({ arrangement: { by: 'entropy', grid: { shown: 3, total: 12 } } }),
      false,
      true,
      null,
    ),
    'Second matrix, b: 12 heads by entropy, 3 of 12 shown, step –',
  ],
])('%s', (name, expected) => expect(name).toBe(expected));
