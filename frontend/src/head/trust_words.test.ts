import { describe, expect, it } from 'vitest';
import { briefly, clausesOf, meansOf } from './trust_words';

describe('the sentence of trust in one line', () => {
  it('is its clauses without figures, the main one first, then the shortest', () => {
    expect(
      clausesOf(
        'Directions here show well who attends to whom (right in 100 of 100 comparisons, 50 being chance); neighbours can be believed (they are among a point’s nearest 1 % in truth); the key attended to most is among the three nearest for 81 of 100 queries (11 by chance); motion since step 1,200 can be believed.',
      ),
    ).toEqual([
      'Directions show well who attends to whom',
      'neighbours can be believed',
      'motion since step 1,200 can be believed',
      'the key attended to most is among the three nearest for 81 of 100 queries',
    ]);
  });

  it('is why nothing is known, as it stands', () => {
    const sentence = 'Nothing can be said about this picture: it has no points to compare.';
    expect(clausesOf(sentence)).toEqual([
      'Nothing can be said about this picture: it has no points to compare',
    ]);
  });

  it.each([
    ['Directions show well who attends to whom', 'Who attends to whom: good'],
    ['Nearness shows roughly who attends to whom', 'Who attends to whom: fair'],
    ['Directions say little about who attends to whom', 'Who attends to whom: poor'],
    ['Nearness misleads about who attends to whom', 'Who attends to whom: misleading'],
    ['The key attended to most is among the three nearest for 81 of 100 queries', 'Top key: 81 of 100'],
    ['Neighbours can be believed', 'Neighbours right'],
    ['Neighbours can be believed only roughly', 'Neighbours roughly right'],
    ['Neighbours cannot be believed', 'Neighbours often wrong'],
  ])('is short where %s has no room', (main, short) => {
    expect(briefly(main)).toBe(short);
  });
});

it('means by each figure what the sentence says of it', () => {
  const sentence =
    'Directions here show roughly who attends to whom (right in 70 of 100 comparisons, 50 being chance); neighbours can be believed only roughly (they are among a point’s nearest 9 % in truth); points that belong together are often torn apart; motion since step 1,200 cannot be believed.';
  const figures = ['faithfulness', 'trustworthiness', 'continuity', 'motion'] as const;
  expect(figures.map((figure) => meansOf(figure, sentence))).toEqual([
    'fair',
    'roughly right',
    'often torn apart',
    'often wrong',
  ]);
  const well = 'Neighbours can be believed; nearness here misleads about who attends to whom.';
  expect(figures.map((figure) => meansOf(figure, well))).toEqual(['misleading', 'right', '', '']);
});
