import { expect, it } from 'vitest';
import { indexTokens } from '../run/places';
import { asTable, contextOf, kindOf, linesOf } from './concordance';

const sequence = (...tokens: string[]) => ({ kind: 'text', tokens, repeat: null });
const index = indexTokens({
  run: 'a',
  sequences: [sequence('the', 'Ġcat', 'Ġsat', 'Ġdown'), sequence('one', 'Ġcat', '##s', '10', '9')],
});

it('has a line for each token, with what of it was found', () => {
  const lines = linesOf(index, [5, 1, 10, 12], 9, 'sequence');
  expect(lines.map((line) => [line.sequence, line.position, line.text, kindOf(line)])).toEqual([
    [0, 1, 'cat', 'query, key'],
    [0, 3, 'down', 'key'],
    [1, 1, 'cat', 'query'],
  ]);
});

it('sorts by token, numbers by value', () => {
  const lines = linesOf(index, [8, 7, 5, 3, 1], 9, 'token');
  expect(lines.map(({ text, sequence }) => `${text} ${sequence}`)).toEqual([
    '9 1',
    '10 1',
    'cat 0',
    'cat 1',
    'down 0',
  ]);
});

it('shows a token within its sequence', () => {
  const [first, last] = linesOf(index, [1, 8], 9, 'sequence');
  expect(contextOf(index, first!, 2)).toEqual(['the', 'sat down']);
  expect(contextOf(index, last!, 2)).toEqual(['##s 10', '']);
});

it('is copied as a table', () => {
  const lines = linesOf(index, [1], 9, 'sequence');
  expect(asTable(index, lines, 1, ['decoder tokens', 'encoder tokens'])).toBe(
    'sequence\tof\tposition\tkind\ttoken\tbefore\tafter\n0\tdecoder tokens\t1\tquery\tcat\tthe\tsat\n',
  );
  expect(asTable(index, lines, 1, [])).toBe(
    'sequence\tposition\tkind\ttoken\tbefore\tafter\n0\t1\tquery\tcat\tthe\tsat\n',
  );
});
