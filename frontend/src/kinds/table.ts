import type { LabelAttention } from '../run/label_attention';
import type { Sequence } from '../run/types';

/** Kinds of a label that a table has at most. */
const MOST = 40;
/** Times what an even head gives, from which on a share stands out; and the least share that can. */
const STANDS_OUT = 1.5;
const LEAST = 0.1;

/** Labels that sort tokens into kinds, few enough for a table. */
export function tableLabels(sequences: readonly Sequence[]): string[] {
  const kinds = new Map<string, Set<string | number>>();
  for (const { labels, key_tokens } of sequences) {
    for (const of of [labels, key_tokens?.labels]) {
      for (const [name, values] of Object.entries(of ?? {})) {
        const found = kinds.get(name) ?? new Set();
        kinds.set(name, found);
        for (const value of values) found.add(value);
      }
    }
  }
  return [...kinds].flatMap(([name, found]) => {
    const named = [...found].filter((kind) => kind !== '');
    const all = named.every((kind) => typeof kind === 'string' && kind !== 'NaN');
    return all && named.length > 0 && found.size > 1 && found.size <= MOST ? [name] : [];
  });
}

/** One kind of queries. */
export interface Row {
  readonly label: string;
  readonly queries: number;
  readonly cells: readonly Cell[];
}

export interface Cell {
  /** NaN: no query of this kind sees a key. */
  readonly share: number;
  readonly even: number;
  /** Whether it is clearly more than a head would give that attends to all alike. */
  readonly stands: boolean;
}

/** The rows by their share in one column, the largest first; null: as the probe has them. */
export function rowsOf(table: LabelAttention, sorted: number | null): Row[] {
  const rows = table.query_labels.map((label, i) => ({
    label,
    queries: table.queries[i] ?? 0,
    cells: table.key_labels.map((_, j): Cell => {
      const share = table.attention[i]?.[j] ?? Number.NaN;
      const even = table.even[i]?.[j] ?? Number.NaN;
      return { share, even, stands: share >= Math.max(LEAST, STANDS_OUT * even) };
    }),
  }));
  if (sorted === null) return rows;
  const by = ({ cells }: Row) => cells[sorted]?.share ?? Number.NaN;
  const known = (row: Row) => Number(Number.isNaN(by(row)));
  return rows.sort((a, b) => known(a) - known(b) || by(b) - by(a) || 0);
}

/** The pair of kinds that stands out most above what an even head gives; null where none does. */
export function clearest(
  table: LabelAttention,
): { readonly from: string; readonly to: string; readonly share: number } | null {
  let best: { from: string; to: string; share: number; over: number } | null = null;
  for (const { label, cells } of rowsOf(table, null)) {
    cells.forEach(({ share, even, stands }, j) => {
      const to = table.key_labels[j] ?? '';
      if (stands && label !== '' && to !== '' && share - even > (best?.over ?? 0))
        best = { from: label, to, share, over: share - even };
    });
  }
  return best;
}
