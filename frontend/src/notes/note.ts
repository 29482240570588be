import type { HeadPlace } from '../run/head';
import type { Layer } from '../run/types';

/** What a person says of a head. */
export interface Note {
  readonly star?: true;
  /** What they call it. */
  readonly name?: string;
  readonly text?: string;
}

/** By the model's own numbers of layer and head, `5-3`: they stay those of the head whatever of a run is recorded, or exported. */
export type Notes = ReadonlyMap<string, Note>;

export const LONGEST_NAME = 60;
export const LONGEST_TEXT = 2000;
const KEY = /^\d{1,5}-\d{1,5}$/;

export function keyOf(layers: readonly Layer[], { layer, head }: HeadPlace): string {
  const described = layers[layer];
  return `${described?.number ?? layer}-${described?.head_numbers[head] ?? head}`;
}

/** Where the head of a key is among those of a run; null where it is not there. */
export function placeOf(layers: readonly Layer[], key: string): HeadPlace | null {
  const [number, of] = key.split('-').map(Number);
  const layer = layers.findIndex((each) => each.number === number);
  const head = layers[layer]?.head_numbers.indexOf(of ?? -1) ?? -1;
  return head < 0 ? null : { layer, head };
}

/** The same without what says nothing; null if nothing is left. */
export function tidied({ star, name = '', text = '' }: Note): Note | null {
  const [title, rest] = [name.trim().slice(0, LONGEST_NAME), text.trim().slice(0, LONGEST_TEXT)];
  const note: Note = { ...(star && { star }), ...(title && { name: title }), ...(rest && { text: rest }) };
  return Object.keys(note).length > 0 ? note : null;
}

/** The notes of a file, of the browser's storage or of a page. Throws an Error with a sentence for what is none. */
export function readNotes(said: unknown): { readonly run: string; readonly notes: Notes } {
  const file = said as { format?: unknown; version?: unknown; run?: unknown; heads?: unknown } | null;
  if (typeof file !== 'object' || file?.format !== FORMAT || !Array.isArray(file.heads))
    throw new Error('This file holds no notes on heads: it was not saved here.');
  if (file.version !== VERSION)
    throw new Error(`These notes are of version ${file.version}; version ${VERSION} is read here.`);
  const notes = new Map<string, Note>();
  for (const entry of file.heads as unknown[]) {
    const { layer, head, star, name, text } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    const key = `${layer}-${head}`;
    const given = {
      ...(star === true && { star }),
      ...(typeof name === 'string' && { name }),
      ...(typeof text === 'string' && { text }),
    };
    const note = tidied(given as Note);
    if (KEY.test(key) && note) notes.set(key, note);
  }
  return { run: typeof file.run === 'string' ? file.run : '', notes };
}

const FORMAT = 'tb-attnviz notes';
const VERSION = 1;

/** What `readNotes` reads. */
export function notesFile(run: string, notes: Notes): object {
  const heads = [...notes].map(([key, note]) => {
    const [layer, head] = key.split('-').map(Number);
    return { layer, head, ...note };
  });
  return { format: FORMAT, version: VERSION, run, heads };
}

/** Letters that part notes in a link, and what stands for them within one: all of them stay as they are in an address. */
const WITHIN: readonly (readonly [letter: string, code: string])[] = [
  ["'", "''"],
  ['!', "'1"],
  ['~', "'2"],
  ['_', "'3"],
  [' ', '_'],
  ['\n', "'4"],
];

/** `5-3*~name~what else is said!0-1*`, as short as it can be. */
export function notesInLink(notes: Notes): string {
  return [...notes]
    .map(([key, { star, name = '', text = '' }]) => {
      const parts = [`${key}${star ? '*' : ''}`, written(name), written(text)];
      return parts.slice(0, text ? 3 : name ? 2 : 1).join('~');
    })
    .join('!');
}

export function notesOfLink(said: string): Notes {
  const notes = new Map<string, Note>();
  for (const each of said.split(/(?<!')!/)) {
    const [head = '', name = '', text = ''] = each.split('~');
    const key = head.replace(/\*$/, '');
    const note = tidied({
      ...(head.endsWith('*') && { star: true as const }),
      name: meant(name),
      text: meant(text),
    });
    if (KEY.test(key) && note) notes.set(key, note);
  }
  return notes;
}

function written(text: string): string {
  return Array.from(text, (letter) => WITHIN.find(([from]) => from === letter)?.[1] ?? letter).join('');
}

function meant(text: string): string {
  return text.replace(/'['1-4]|_/g, (code) => WITHIN.find(([, to]) => to === code)?.[0] ?? code);
}
