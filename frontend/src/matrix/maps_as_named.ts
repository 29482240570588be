import { valueOfCode } from '../render/maps';
import type { NamedHead } from '../run/findings';
import type { SmallMaps } from '../run/types';

/** Each head's map of the texts on which its name rests: repeated ones for what only shows where texts repeat. */

/** Kinds that are told by repeated texts alone (docs/findings.md). */
const ON_REPEATS: ReadonlySet<string> = new Set([
  'induction',
  'fixed_or_induction',
  'duplicate',
  'fixed_or_same',
]);

/** Whether what a head is called rests on repeated texts. */
export function restsOnRepeats({ findings: [first] }: Pick<NamedHead, 'findings'>): boolean {
  return first !== undefined && ON_REPEATS.has(first.kind);
}

interface Mixed {
  readonly repeated: SmallMaps;
  readonly onRepeats: ReadonlySet<number>;
  readonly maps: SmallMaps;
}
const made = new WeakMap<SmallMaps, Mixed>();

/** The maps of these heads from `repeated`, and those of all others from `text`; the same object for the same three.
 * @param centred whether the middle of a map is its origin, as of distances, and not its first row and column */
export function mixedMaps(
  text: SmallMaps,
  repeated: SmallMaps,
  onRepeats: ReadonlySet<number>,
  centred: boolean,
): SmallMaps {
  const known = made.get(text);
  if (known?.repeated === repeated && known.onRepeats === onRepeats) return known.maps;
  const maps =
    text.shape.join() === repeated.shape.join()
      ? replaced(text, repeated, onRepeats)
      : fitted(text, repeated, onRepeats, centred);
  made.set(text, { repeated, onRepeats, maps });
  return maps;
}

/** Maps of one size: those of thousands of heads are copied at once. */
function replaced(text: SmallMaps, repeated: SmallMaps, heads: ReadonlySet<number>): SmallMaps {
  const [, rows = 0, columns = 0] = text.shape;
  const size = rows * columns;
  const data = text.data.slice();
  for (const head of heads) data.set(repeated.data.subarray(head * size, (head + 1) * size), head * size);
  return { ...text, data };
}

/** Maps of different sizes, in the larger one. */
function fitted(
  text: SmallMaps,
  repeated: SmallMaps,
  onRepeats: ReadonlySet<number>,
  centred: boolean,
): SmallMaps {
  const [heads = 0] = text.shape;
  const rows = Math.max(text.shape[1] ?? 0, repeated.shape[1] ?? 0);
  const columns = Math.max(text.shape[2] ?? 0, repeated.shape[2] ?? 0);
  const data = new Uint8Array(heads * rows * columns);
  for (let head = 0; head < heads; head++) {
    const { data: codes, shape } = onRepeats.has(head) ? repeated : text;
    const [, high = 0, wide = 0] = shape;
    const [down, right] = centred ? [(rows - high) / 2, (columns - wide) / 2] : [0, 0];
    for (let row = 0; row < high; row++) {
      const begin = (head * high + row) * wide;
      data.set(codes.subarray(begin, begin + wide), (head * rows + row + down) * columns + right);
    }
  }
  return { ...text, shape: [heads, rows, columns], data };
}

const onFirst = new WeakMap<SmallMaps, Float32Array>();

/** Of maps of the first positions, each head's mean attention on the first token, of its queries but the first, which may
 * see nothing else; NaN where there is none. The same array for the same maps. */
export function onFirstToken(maps: SmallMaps): Float32Array {
  const known = onFirst.get(maps);
  if (known) return known;
  const [heads = 0, rows = 0, columns = 0] = maps.shape;
  const found = Float32Array.from({ length: heads }, (_, head) => {
    const values = Array.from({ length: Math.max(0, rows - 1) }, (_, row) =>
      valueOfCode(maps.data[(head * rows + row + 1) * columns] ?? 0),
    ).filter((value) => !Number.isNaN(value));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  onFirst.set(maps, found);
  return found;
}
