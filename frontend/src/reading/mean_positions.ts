/** The positions that the mean over sequences of several lengths is over: both ends of all meet. */

/** Positions by name: from the first token on, "0", "1", …; where lengths differ the second half from the last one back, "−2", "−1". */
export function positionNames(lengths: readonly number[]): string[] {
  const longest = Math.max(0, ...lengths);
  const half = lengthsDiffer(lengths) ? Math.ceil(longest / 2) : longest;
  return Array.from({ length: longest }, (_, i) => (i < half ? String(i) : `−${longest - i}`));
}

/** What is averaged, in words: "mean of 2 texts and 1 repeated text of 5–10 tokens: the first half counted from the start, the rest from the end (−1
 * is the last); the middle is of the longest alone". */
export function meanOf(
  sequences: readonly { readonly tokens: readonly string[]; readonly repeat: object | null }[],
  noun: 'sequence' | 'image',
): string {
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const repeated = sequences.filter(({ repeat }) => repeat !== null).length;
  const plain = sequences.length - repeated;
  const kinds = [
    ...(plain > 0 || repeated === 0 ? [counted(plain, repeated > 0 ? 'text' : noun)] : []),
    ...(repeated > 0 ? [counted(repeated, 'repeated text')] : []),
  ];
  const of = `mean of ${kinds.join(' and ')}`;
  if (!lengthsDiffer(lengths)) return of;
  return `${of} of ${Math.min(...lengths)}–${Math.max(...lengths)} tokens: the first half counted from the start, the rest from the end (−1 is the last); the middle is of the longest alone`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Where a token of a sequence of so many stands among `longest` positions. */
export function positionOf(token: number, length: number, longest: number): number {
  return token < Math.ceil(length / 2) ? token : longest - (length - token);
}

/** Whether both ends are counted from. */
export function lengthsDiffer(lengths: readonly number[]): boolean {
  return new Set(lengths).size > 1;
}
