import { zoomed } from '../attention/sheet';
import type { TokenPlace } from '../attention/side';
import type { Run } from '../run/types';
import { formatPins, holds, parsePins } from './pins';
import type { ListedToken, Sentence } from './sentence.svelte';

/** What a link says of the sentence view. Absent means the default. */
export interface SentencePlace {
  readonly form?: 'map';
  readonly fill?: 1;
  readonly mean?: 1;
  readonly weight?: 'values';
  /** Words with a dot between them: special, first. */
  readonly hide?: string;
  /** Tokens that are clicked off, with dots between them; of another list than the first, its number stands before it. */
  readonly off?: string;
  readonly top?: number;
  /** Per cent. */
  readonly least?: number;
  readonly pins?: string;
  readonly shows?: 'shown' | 'pinned';
  /** Which of the pins is compared, from 0 on, unless it is the last one. */
  readonly compared?: number;
  /** What is selected in the mean: a position, with a k behind it if as a key. */
  readonly position?: string;
  /** Css pixels of a heat map's cell. */
  readonly cell?: number;
}

/** Choices of how many keys are drawn for each query; 0: all. */
export const TOPS = [0, 1, 2, 3, 5, 10, 20] as const;
/** The greatest choice of the least weight that is drawn, in per cent. */
export const MOST_LEAST = 50;

const OFF = /^(\d-)?\d{1,9}(\.(\d-)?\d{1,9}){0,99}$/;
const HIDES = ['special', 'first'] as const;

/** @param found the link's pairs */
export function readSentence(found: ReadonlyMap<string, string>): SentencePlace {
  const hide = HIDES.filter((name) => found.get('hide')?.split('.').includes(name)).join('.');
  const off = found.get('off');
  const top = TOPS.find((choice) => choice > 0 && String(choice) === found.get('top'));
  const least = /^\d{1,2}$/.test(found.get('least') ?? '') ? Number(found.get('least')) : 0;
  const pins = formatPins(parsePins(found.get('pins')));
  const against = found.get('compared') ?? '';
  const position = found.get('position') ?? '';
  const cell = /^\d{1,2}(\.\d{1,2})?$/.test(found.get('cell') ?? '') ? Number(found.get('cell')) : 0;
  const shows = (['shown', 'pinned'] as const).find((name) => name === found.get('shows'));
  return {
    ...(found.get('form') === 'map' && { form: 'map' }),
    ...(found.get('fill') === '1' && { fill: 1 }),
    ...(found.get('mean') === '1' && { mean: 1 }),
    ...(found.get('weight') === 'values' && { weight: 'values' }),
    ...(hide !== '' && { hide }),
    ...(off !== undefined && OFF.test(off) && { off }),
    ...(top !== undefined && { top }),
    ...(least > 0 && least <= MOST_LEAST && { least }),
    ...(pins !== '' && { pins }),
    ...(shows !== undefined && { shows }),
    ...(/^\d$/.test(against) && { compared: Number(against) }),
    ...(/^\d{1,9}k?$/.test(position) && { position }),
    ...(cell > 0 && { cell: zoomed(cell, 1) }),
  };
}

/** @param run the run that was entered: of the pins, only what it has */
export function enterSentence(
  place: SentencePlace & { readonly sequence?: number },
  sentence: Sentence,
  run: Run,
): void {
  sentence.form = place.form ?? 'lines';
  sentence.fills = place.fill === 1;
  sentence.mean = place.mean === 1;
  sentence.byValues = place.weight === 'values';
  sentence.hidesSpecial = place.hide?.includes('special') ?? false;
  sentence.hidesFirst = place.hide?.includes('first') ?? false;
  sentence.top = place.top ?? 0;
  sentence.least = (place.least ?? 0) / 100;
  sentence.shows = place.shows ?? 'difference';
  sentence.cell = place.cell ?? null;
  sentence.position = place.position === undefined ? null : parsePosition(place.position);
  if (place.off === undefined) sentence.bringBack();
  else sentence.leaveOut(parseOff(place.off), sentence.mean ? 'mean' : (place.sequence ?? 0));
  sentence.pins.clear();
  for (const pin of parsePins(place.pins)) if (holds(run, pin)) sentence.pins.add(pin);
  const against = sentence.pins.all[place.compared ?? -1];
  if (against) sentence.pins.choose(against);
}

export function placeOfSentence(sentence: Sentence): SentencePlace {
  const hidden = [sentence.hidesSpecial, sentence.hidesFirst];
  const hide = HIDES.filter((_, i) => hidden[i]).join('.');
  const least = Math.round(100 * sentence.least);
  const { pins, mean, position, cell } = sentence;
  const compared = pins.against === null ? -1 : pins.all.indexOf(pins.against);
  return {
    ...(sentence.form === 'map' && { form: 'map' }),
    ...(sentence.fills && { fill: 1 }),
    ...(sentence.mean && { mean: 1 }),
    ...(sentence.byValues && { weight: 'values' }),
    ...(hide !== '' && { hide }),
    ...(sentence.off.length > 0 && { off: formatOff(sentence.off) }),
    ...(sentence.top > 0 && { top: sentence.top }),
    ...(least > 0 && { least }),
    ...(pins.all.length > 0 && { pins: formatPins(pins.all) }),
    ...(sentence.shows !== 'difference' && { shows: sentence.shows }),
    ...(compared >= 0 && compared < pins.all.length - 1 && { compared }),
    ...(mean && position && { position: `${position.token}${position.side === 'key' ? 'k' : ''}` }),
    ...(cell !== null && { cell: Number(cell.toFixed(2)) }),
  };
}

function parseOff(text: string): ListedToken[] {
  return text.split('.').map((part) => {
    const [token = 0, list = 0] = part.split('-').map(Number).reverse();
    return { list, token };
  });
}

function formatOff(off: readonly ListedToken[]): string {
  return off.map(({ list, token }) => (list === 0 ? `${token}` : `${list}-${token}`)).join('.');
}

function parsePosition(text: string): TokenPlace {
  return { side: text.endsWith('k') ? 'key' : 'query', token: Number.parseInt(text, 10) };
}
