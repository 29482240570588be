/** A figure's number in the corner of a cell, and what room there is for it. */
export interface Valued {
  /** "65 %"; empty where there is none. */
  readonly value: string;
  /** With the name of the figure: "entropy 65 %". */
  readonly titled: string;
  /** What the head is called beside it; beside that a bare number would be read as the kind's. */
  readonly kind: string;
  readonly roomForValue: boolean;
  readonly roomForTitled: boolean;
}

/** What each cell says of the figure: all of them alike, or none does, since some alone would seem to be special. What sorts the heads is told
 * wherever there is room. */
export function valuesTold(cells: readonly Valued[], sorting: boolean): string[] {
  const known = cells.filter(({ value }) => value !== '');
  if (known.every(({ roomForTitled }) => roomForTitled))
    return cells.map(({ titled, value }) => value && titled);
  if (known.some(({ kind }) => kind !== '') && !sorting) return cells.map(() => '');
  return cells.map(({ value, titled, kind, roomForValue, roomForTitled }) => {
    if (sorting && value !== '' && roomForTitled) return titled;
    return roomForValue && !(kind && titled !== value) ? value : '';
  });
}
