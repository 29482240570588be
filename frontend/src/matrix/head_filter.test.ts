import { describe, expect, it } from 'vitest';
import { layerOf } from '../run/layer.fixture';
import type { Run } from '../run/types';
import { EVERY_HEAD, isFiltering, passing, type ScoreRange, scoreRanges } from './head_filter';
import { matchHeads } from './head_pattern';

const layer = (name: string, number: number, ...head_numbers: number[]) =>
  layerOf({ name, number, heads: head_numbers.length, head_numbers });
// As if only layers 4, 5 and 12 had been recorded, and of the last one only heads 2 and 7.
const layers = [
  layer('encoder.4.attn', 4, 0, 1),
  layer('encoder.5.attn', 5, 0, 1),
  layer('decoder.0.cross', 12, 2, 7),
];
const places = layers.flatMap(({ heads }, i) =>
  Array.from({ length: heads }, (_, head) => ({ layer: i, head })),
);
const named = (text: string) => passing({ ...EVERY_HEAD, names: text }, layers, places, () => null);

describe('heads by name', () => {
  it.each([
    ['', [0, 1, 2, 3, 4, 5]],
    ['L5', [2, 3]],
    ['l5h1', [3]],
    ['L12 H7', [5]],
    ['L4-5', [0, 1, 2, 3]],
    ['L5-4 h0', [0, 2]],
    ['H2-7', [4, 5]],
    ['L4H0, cross', [0, 4, 5]],
    ['ENCODER', [0, 1, 2, 3]],
    ['Layer 5 · Head 1', [3]],
    ['L1', []],
    [' , ', [0, 1, 2, 3, 4, 5]],
  ])('%j', (text, expected) => expect(named(text)).toEqual(expected));

  it('say nothing of a layer that is not described', () => {
    expect(matchHeads('L3', [])({ layer: 3, head: 0 })).toBe(true);
  });
});

describe('heads by value', () => {
  const figures: Record<string, readonly number[]> = {
    entropy: [0.1, 0.5, Number.NaN, 0.3, 0.9, 0.2],
    sink: [0.9, 0.9, 0.9, 0.1, 0.9, 0.9],
  };
  const by = (names: string, ...ranges: ScoreRange[]) =>
    passing({ names, ranges }, layers, places, (score) => figures[score] ?? null);
  const low: ScoreRange = { score: 'entropy', least: null, most: 0.3 };

  it('lie within a closed range; what is not known lies in none', () => {
    expect(by('', low)).toEqual([0, 3, 5]);
    expect(by('', { ...low, least: 0.2 })).toEqual([3, 5]);
    expect(by('L12', low)).toEqual([5]);
  });

  it('lie within all ranges, but of a figure that is not here', () => {
    const sinks: ScoreRange = { score: 'sink', least: 0.5, most: null };
    expect(by('', low, sinks)).toEqual([0, 5]);
    expect(by('', { score: 'other', least: 1, most: null })).toHaveLength(6);
    expect([EVERY_HEAD, { names: '', ranges: [low] }].map(isFiltering)).toEqual([false, true]);
  });

  it('come back from the address, one range of each figure', () => {
    const run = {} as Run;
    const ranges = [low, { score: 'follows/parent-of', least: -0.5, most: 1e-3 }];
    expect(scoreRanges.write(ranges)).toBe('entropy....0.3~follows/parent-of..-0.5..0.001');
    expect(scoreRanges.read(scoreRanges.write(ranges) ?? '', run)).toEqual(ranges);
    expect(scoreRanges.read('entropy..0.2..~entropy....0.3~sink....', run)).toEqual([low]);
    expect([
      scoreRanges.read('entropy', run),
      scoreRanges.read('<b>..1..', run),
      scoreRanges.write([]),
    ]).toEqual([undefined, undefined, null]);
  });

  it.each(['same token', 'é → ü', 'a..b', 'ends...', '~x~', '100 %7E', "the verb's"])(
    'come back from the address also of the relation %j',
    (name) => {
      const ranges = ['follows', 'sink'].map((score) => ({ score: `${score}/${name}`, least: 0.5, most: 1 }));
      expect(scoreRanges.read(scoreRanges.write(ranges) ?? '', {} as Run)).toEqual(ranges);
    },
  );
});
