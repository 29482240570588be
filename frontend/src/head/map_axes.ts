import { type BarRange, offsetOfBar } from '../matrix/map_picture';
import { patchesAway, tokensAway } from '../matrix/map_words';
import type { MapPart } from '../run/types';

/** How the places of a head's map are called. */
interface MapAxes {
  /** What the map is of. */
  readonly title: string;
  readonly across: string;
  readonly down: string;
  /** At an edge; null where nothing is written. */
  column(at: number): string | null;
  row(at: number): string | null;
  /** Where one begins to count. */
  readonly zero: { readonly row: number; readonly column: number };
  /** Of one place. */
  says(row: number, column: number): string;
}

/** @param bars the distances that have a bar, where there are bars
 * @param rows of the map */
export function mapAxes(part: MapPart, rows: number, columns: number, bars: BarRange | null): MapAxes {
  const signed = (offset: number) => (offset > 0 ? `+${offset}` : String(offset).replace('-', '−'));
  if (bars) {
    const said = (column: number) => {
      const offset = offsetOfBar(bars, column);
      return offset === 'first' ? 'on the first token' : offset === null ? '' : tokensAway(offset);
    };
    return {
      title: 'Mean attention by distance',
      across: 'tokens from the query to the key',
      down: 'share of attention',
      column: (at) => {
        const offset = offsetOfBar(bars, at);
        return offset === 'first' ? (at === 0 ? 'first' : null) : offset === null ? null : signed(offset);
      },
      row: () => null,
      zero: { row: 0, column: Array.from({ length: columns }, (_, at) => offsetOfBar(bars, at)).indexOf(0) },
      says: (_, column) => said(column),
    };
  }
  const middle = { row: (rows - 1) / 2, column: (columns - 1) / 2 };
  const zero = { row: 0, column: 0 };
  const share = (at: number, of: number) => `${Math.round((100 * at) / of)} %`;
  const within = (at: number, of: number) => `${share(at, of).replace(' %', '')}–${share(at + 1, of)}`;
  switch (part) {
    case 'offsets':
      return {
        title: 'Mean attention by direction',
        across: 'columns to the right of the query',
        down: 'rows below it',
        column: (at) => signed(at - middle.column),
        row: (at) => signed(at - middle.row),
        says: (row, column) => patchesAway(row - middle.row, column - middle.column),
        zero: middle,
      };
    case 'received':
      return {
        title: 'Mean attention on each patch',
        across: 'column',
        down: 'row',
        column: String,
        row: String,
        says: (row, column) => `patch in row ${row}, column ${column}`,
        zero,
      };
    case 'pooled':
      return {
        zero,
        title: 'Mean attention over the whole length',
        across: 'keys',
        down: 'queries',
        column: (at) => share(at, columns),
        row: (at) => share(at, rows),
        says: (row, column) =>
          `queries at ${within(row, rows)} → keys at ${within(column, columns)} of the length`,
      };
    default:
      return {
        zero,
        title: 'Mean attention',
        across: 'keys',
        down: 'queries',
        column: String,
        row: String,
        says: (row, column) => `query ${row} → key ${column}`,
      };
  }
}

/** Every how many places one is written, of places that are so many css pixels apart. */
export function tickEvery(apart: number, room: number): number {
  return [1, 2, 4, 8, 16].find((every) => every * apart >= room) ?? 32;
}
