import { describe, expect, it } from 'vitest';
import { layerOf } from '../run/layer.fixture';
import { keyOf, type Notes, notesFile, notesInLink, notesOfLink, placeOf, readNotes, tidied } from './note';

const NOTES: Notes = new Map([
  ['5-3', { star: true, name: 'the copier', text: "it's ~ not_sure!\nask again 100 %" }],
  ['0-11', { star: true }],
  ['2-0', { text: "''1" }],
]);

describe('notes', () => {
  it('are read from a file as they were written', () => {
    const read = readNotes(JSON.parse(JSON.stringify(notesFile('demo', NOTES))));
    expect(read).toEqual({ run: 'demo', notes: NOTES });
  });

  it('of a file that is none, or of another version, are refused with a sentence', () => {
    for (const said of [null, 3, {}, { format: 'tb-attnviz notes' }, { format: 'x', heads: [] }])
      expect(() => readNotes(said)).toThrow('This file holds no notes on heads');
    expect(() => readNotes({ format: 'tb-attnviz notes', version: 2, heads: [] })).toThrow('version 2');
    const odd = [null, 3, { layer: 1, head: 'x', name: 'a' }, { layer: 1, head: 2, name: 7, star: 'yes' }];
    expect(readNotes({ format: 'tb-attnviz notes', version: 1, heads: odd }).notes.size).toBe(0);
  });

  it('stand in a link and come back', () => {
    const said = notesInLink(NOTES);
    expect(notesOfLink(decodeURIComponent(encodeURIComponent(said)))).toEqual(NOTES);
    expect(notesInLink(new Map([['5-3', { star: true, name: 'the copier' }]]))).toBe('5-3*~the_copier');
    expect(notesOfLink('nothing!5-3!~x!1-2*')).toEqual(new Map([['1-2', { star: true }]]));
  });

  it('without anything in them are none', () => {
    expect(tidied({ name: '  ', text: '\n' })).toBeNull();
    expect(tidied({ name: ` ${'x'.repeat(100)}`, star: true })).toEqual({ name: 'x'.repeat(60), star: true });
  });

  it('go by the model’s own numbers', () => {
    const layers = [
      layerOf({ number: 4, heads: 2, head_numbers: [3, 7] }),
      layerOf({ number: 9, heads: 1, head_numbers: [0] }),
    ];
    expect(keyOf(layers, { layer: 0, head: 1 })).toBe('4-7');
    expect(placeOf(layers, '4-7')).toEqual({ layer: 0, head: 1 });
    expect([placeOf(layers, '4-5'), placeOf(layers, '5-7')]).toEqual([null, null]);
  });
});
