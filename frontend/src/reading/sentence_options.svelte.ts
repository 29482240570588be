import { zoomed } from '../attention/sheet';
import type { Side, TokenPlace } from '../attention/side';
import { type Codec, choice, codec, mapped, type Settings, settings, whole, word } from '../run/setting';

const FORMS = ['lines', 'map'] as const;
export type Form = (typeof FORMS)[number];
/** Which of the compared pictures the lines draw; the maps stand side by side. */
const SHOWS = ['shown', 'pinned', 'difference'] as const;
export type Shows = (typeof SHOWS)[number];

/** Choices of how many keys are drawn for each query; 0: all. */
export const TOPS = [0, 1, 2, 3, 5, 10, 20] as const;
/** The greatest choice of the least weight that is drawn, in per cent. */
export const MOST_LEAST = 50;

const HIDES = ['special', 'first'] as const;

/** A token's position, with a k behind it if it is a key. */
const tokenPlace: Codec<TokenPlace> = codec(
  (text) => {
    const [, token, key] = /^(\d{1,9})(k?)$/.exec(text) ?? [];
    const side: Side = key ? 'key' : 'query';
    return token === undefined ? undefined : { side, token: Number(token) };
  },
  (place) => `${place.token}${place.side === 'key' ? 'k' : ''}`,
);

/** How the sentence view shows attention, as the user chooses. */
export class SentenceOptions {
  form = $state<Form>('lines');
  /** The mean over all sequences, by position, instead of one sequence. */
  mean = $state(false);
  /** Whether weights are to count by the norms of the values that they fetch. */
  byValues = $state(false);
  hidesSpecial = $state(false);
  hidesFirst = $state(false);
  /** Keys drawn for each query; 0: all. */
  top = $state<number>(0);
  /** The least weight that is drawn. */
  least = $state(0);
  shows = $state<Shows>('difference');
  /** The position that is selected in the mean, which belongs to no sequence. */
  position = $state.raw<TokenPlace | null>(null);
  /** Css pixels of a heat map's cell; null: all of it is seen. */
  cell = $state<number | null>(null);

  readonly settings: Settings = settings<SentenceOptions>(
    this,
    {
      form: choice(FORMS),
      mean: word('1', true),
      byValues: word('values', true).as('weight'),
      hidden: codec(
        (text) => HIDES.filter((name) => text.split('.').includes(name)),
        (hidden) => hidden.join('.'),
      ).as('hide'),
      top: choice(TOPS),
      least: mapped(
        whole(MOST_LEAST),
        (percent) => percent / 100,
        (share) => Math.round(100 * share),
      ),
      shows: choice(SHOWS),
      position: tokenPlace.when(() => this.mean),
      cell: codec(
        (text) =>
          /^\d{1,2}(\.\d{1,2})?$/.test(text) && Number(text) > 0 ? zoomed(Number(text), 1) : undefined,
        (cell) => String(Number(cell.toFixed(2))),
      ),
    },
    () => this.inLinks(),
  );

  /** @param inLinks whether a link says anything of it */
  constructor(private readonly inLinks: () => boolean) {}

  /** Kinds of tokens that are left out. */
  get hidden(): readonly (typeof HIDES)[number][] {
    return HIDES.filter((name) => (name === 'special' ? this.hidesSpecial : this.hidesFirst));
  }

  set hidden(kinds: readonly (typeof HIDES)[number][]) {
    this.hidesSpecial = kinds.includes('special');
    this.hidesFirst = kinds.includes('first');
  }
}
