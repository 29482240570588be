import { type Scatter, USUAL_LEAST, USUAL_TOP } from './scatter.svelte';

/** What a link says of the head view's scatterplot. Absent means the default. */
export interface ScatterPlace {
  readonly size?: 'norm';
  readonly words?: 'off';
  readonly patches?: 'off';
  /** The strongest keys of each query, a dot, and the least weight in per cent; off. */
  readonly lines?: string;
}

/** Choices of how many keys are drawn for each query. */
export const LINE_TOPS = [1, 2, 3, 5, 10] as const;
/** The greatest choice of the least weight that is drawn, per cent. */
export const LINES_MOST_LEAST = 50;

/** @param found the link's pairs */
export function readScatter(found: ReadonlyMap<string, string>): ScatterPlace {
  const lines = found.get('lines') ?? '';
  return {
    ...(found.get('size') === 'norm' && { size: 'norm' }),
    ...(found.get('words') === 'off' && { words: 'off' }),
    ...(found.get('patches') === 'off' && { patches: 'off' }),
    ...((lines === 'off' || parseLines(lines)) && { lines }),
  };
}

export function enterScatter(place: ScatterPlace, scatter: Scatter): void {
  const lines = parseLines(place.lines ?? '');
  scatter.sized = place.size === 'norm';
  scatter.words = place.words !== 'off';
  scatter.patches = place.patches !== 'off';
  scatter.lines = place.lines !== 'off';
  scatter.top = lines?.top ?? USUAL_TOP;
  scatter.least = lines?.least ?? USUAL_LEAST;
}

export function placeOfScatter({ sized, words, patches, lines, top, least }: Scatter): ScatterPlace {
  const usual = top === USUAL_TOP && least === USUAL_LEAST;
  return {
    ...(sized && { size: 'norm' }),
    ...(!words && { words: 'off' }),
    ...(!patches && { patches: 'off' }),
    ...(!lines ? { lines: 'off' } : !usual && { lines: `${top}.${least}` }),
  };
}

function parseLines(text: string): { top: number; least: number } | null {
  const [, first, second] = /^(\d{1,2})\.(\d{1,2})$/.exec(text) ?? [];
  const top = LINE_TOPS.find((choice) => choice === Number(first));
  const least = Number(second);
  return top === undefined || !(least <= LINES_MOST_LEAST) ? null : { top, least };
}
