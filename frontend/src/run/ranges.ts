import { type Codec, codec } from './setting';
import type { Run } from './types';

/** Sets of whole numbers as people write them: "0-11, 15". In a link the comma is a dot. */

export function formatRanges(numbers: readonly number[], comma = '.'): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i] ?? 0;
    let last = first;
    while (sorted[i + 1] === last + 1) {
      last++;
      i++;
    }
    parts.push(last === first ? `${first}` : `${first}-${last}`);
  }
  return parts.join(comma);
}

/** @param below every number is smaller than this; what is not, is left out
 * @returns ascending, each once; null if the text says no such set */
export function parseRanges(text: string, below: number): number[] | null {
  const parts = text.split(/[\s,.]+/).filter((part) => part !== '');
  const found = new Set<number>();
  for (const part of parts) {
    const [, from, to] = /^(\d{1,9})(?:[-–](\d{1,9}))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    const last = Math.min(below - 1, Number(to ?? from));
    for (let number = Number(from); number <= last; number++) found.add(number);
  }
  return parts.length === 0 ? null : [...found].sort((a, b) => a - b);
}

const SAID = /^\d{1,9}(-\d{1,9})?(\.\d{1,9}(-\d{1,9})?){0,9999}$/;

/** Such a set in a link; none is unsaid.
 * @param below says for a run what every number is smaller than */
export function ranges(below: (run: Run) => number): Codec<readonly number[]> {
  return codec(
    (text, run) => {
      const found = SAID.test(text) ? parseRanges(text, below(run)) : null;
      return found && found.length > 0 ? found : undefined;
    },
    (value) => formatRanges(value),
  );
}
