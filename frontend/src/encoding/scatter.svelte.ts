import type { Feature } from '../run/feature';
import { codec, type Settings, settings, word } from '../run/setting';

/** Choices of how many keys are drawn for each query; AttentionViz' two unless chosen otherwise. */
export const LINE_TOPS = [1, 2, 3, 5, 10] as const;
const USUAL_TOP = 2;
/** The least weight that is drawn, per cent, and the greatest choice of it. */
const USUAL_LEAST = 5;
export const LINES_MOST_LEAST = 50;

/** What the opened head's scatterplot shows beside its points. */
export class Scatter implements Feature {
  /** The id of what the points' colours tell. */
  colouring = $state('kind');
  /** Whether a point's size tells its norm. */
  sized = $state(false);
  /** Whether tokens stand beside points, as many as have room. */
  words = $state(true);
  /** Whether points of images are drawn as their patches. */
  patches = $state(true);
  /** Whether the selected sequence's attention is drawn. */
  lines = $state(true);
  /** Keys drawn for each query. */
  top = $state<number>(USUAL_TOP);
  /** The least weight that is drawn, per cent. */
  least = $state(USUAL_LEAST);
  readonly settings: Settings = settings<Scatter>(this, {
    sized: word('norm', true).as('size'),
    words: word('off', false),
    patches: word('off', false),
    drawn: codec((text) => (text === 'off' || parseLines(text) ? text : undefined)).as('lines'),
  });

  /** The lines in a word: off, or how many keys of each query, a dot, and the least weight. */
  get drawn(): string {
    return this.lines ? `${this.top}.${this.least}` : 'off';
  }

  set drawn(word: string) {
    this.lines = word !== 'off';
    const { top, least } = parseLines(word) ?? { top: USUAL_TOP, least: USUAL_LEAST };
    this.top = top;
    this.least = least;
  }
}

function parseLines(text: string): { top: number; least: number } | null {
  const [, first, second] = /^(\d{1,2})\.(\d{1,2})$/.exec(text) ?? [];
  const top = LINE_TOPS.find((choice) => choice === Number(first));
  const least = Number(second);
  return top === undefined || !(least <= LINES_MOST_LEAST) ? null : { top, least };
}
