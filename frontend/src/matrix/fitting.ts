/** Css pixels of a letter, and of what stays free beside a text. */
export interface Lettering {
  readonly letter: number;
  readonly rim: number;
}

/** Letters from which on the beginning of a text tells it. */
const TELLING = 5;

export function widthOf(text: string, { letter, rim }: Lettering): number {
  return text.length * letter + rim;
}

/** What of `said` has room: the first that fits whole, else the beginning of the last; '' where that would tell nothing.
 * @param said what says most first
 * @param room css pixels */
export function fitting(said: readonly string[], room: number, lettering: Lettering): string {
  const whole = said.find((text) => widthOf(text, lettering) <= room);
  if (whole !== undefined) return whole;
  const letters = Math.floor((room - lettering.rim) / lettering.letter) - 1;
  const shortest = said.at(-1) ?? '';
  return letters >= TELLING && shortest.length > letters ? `${shortest.slice(0, letters).trimEnd()}…` : '';
}
