import { expect, it } from 'vitest';
import { indexTokens } from '../run/places';
import { formatWanted, labelsOf, parseWanted, tokensShown, type Wanted } from './filter';

const index = indexTokens({
  run: 'a',
  sequences: [
    {
      kind: 'text',
      tokens: ['the', 'cat', 'sat'],
      repeat: null,
      labels: { 'part of speech': ['DET', 'NOUN', 'VERB'], length: [3, 3, 5] },
    },
    { kind: 'text', tokens: ['a', 'b'], repeat: null },
    {
      kind: 'text',
      tokens: ['dog', 'x:|;'],
      repeat: null,
      labels: { 'part of speech': ['NOUN', 'X:|;'], length: [4, 1.5] },
    },
  ],
});
const labels = labelsOf(index);

it('knows the labels: names with their counts, numbers with their span', () => {
  expect(labels).toEqual([
    {
      name: 'part of speech',
      values: [
        { value: 'NOUN', count: 2 },
        { value: 'DET', count: 1 },
        { value: 'VERB', count: 1 },
        { value: 'X:|;', count: 1 },
      ],
    },
    { name: 'length', low: 1.5, high: 5 },
  ]);
});

it('lets tokens through that fulfil all of it', () => {
  expect(tokensShown(index, { sequences: null, labels: new Map() })).toBeNull();
  expect([...tokensShown(index, { sequences: [1, 2], labels: new Map() })!]).toEqual([0, 0, 0, 1, 1, 1, 1]);
  const nouns = new Map<string, Wanted>([['part of speech', ['NOUN']]]);
  expect([...tokensShown(index, { sequences: null, labels: nouns })!]).toEqual([0, 1, 0, 0, 0, 1, 0]);
  const long = new Map(nouns).set('length', { low: 4, high: 9 });
  expect([...tokensShown(index, { sequences: null, labels: long })!]).toEqual([0, 0, 0, 0, 0, 1, 0]);
});

it('goes through a link, whatever the values are called', () => {
  const wanted = new Map([
    ['part of speech', ['NOUN', 'X:|;']],
    ['length', { low: 1.5, high: 4 }],
  ] as const);
  expect(parseWanted(formatWanted(wanted), labels)).toEqual(wanted);
  expect(parseWanted('length:9..1;unknown:a;part%20of%20speech:ADV;', labels)).toEqual(new Map());
});

it('has the span of numbers of which some are not known, whose tokens it does not let through', () => {
  const of = (hue: (string | number)[]) =>
    indexTokens({
      run: 'a',
      sequences: [{ kind: 'text', tokens: hue.map(String), repeat: null, labels: { hue } }],
    });
  const some = of(['', 20, 'NaN', 340]);
  const [hue] = labelsOf(some);
  expect(hue).toEqual({ name: 'hue', low: 20, high: 340 });
  const wanted = parseWanted('hue:0..50', labelsOf(some));
  expect([...tokensShown(some, { sequences: null, labels: wanted })!]).toEqual([0, 1, 0, 0]);
  const nothing = labelsOf(of(['', '']));
  expect(nothing).toEqual([{ name: 'hue', values: [{ value: '', count: 2 }] }]);
});
