/** What the sentence of trust says, clause by clause, the main one first and then the shortest, without the figures in brackets: what has no room is
 * left out whole.
 * @param sentence "Directions here show well who attends to whom (right in …); neighbours can be believed (they are …)." */
export function clausesOf(sentence: string): string[] {
  const [main = '', ...others] = sentence
    .replace(/ \([^()]*\)/g, '')
    .replace(/\.$/, '')
    .replace(/^(Directions|Nearness) here /, '$1 ')
    .split('; ');
  return [main, ...others.sort((a, b) => a.length - b.length)];
}

/** The main clause in two or three words, where there is no room for it. */
export function briefly(main: string): string {
  return main
    .replace(/^\w+ shows? well who attends to whom$/, 'Who attends to whom: good')
    .replace(/^\w+ shows? roughly who attends to whom$/, 'Who attends to whom: fair')
    .replace(/^\w+ says? little about who attends to whom$/, 'Who attends to whom: poor')
    .replace(/^\w+ misleads? about who attends to whom$/, 'Who attends to whom: misleading')
    .replace(/^The key attended to most is among .* for (\d+ of 100) queries$/, 'Top key: $1')
    .replace(' can be believed only roughly', ' roughly right')
    .replace(' can be believed', ' right')
    .replace(' cannot be believed', ' often wrong');
}

/** What the words say that stand for faithfulness: docs/trust.md has the limits. */
export const FAITHFUL_TOLD =
  '“Who attends to whom” is good from a faithfulness of 0.8 on (of two pairs, the one with more attention stands out in 4 of 5 cases), fair from 0.5 on (2 of 3), else poor (1 of 2 is a guess), and misleading from −0.5 down.';

/** How each figure is meant in the sentence: a clause about it, and what it says by the words that are in it. */
const MEANT = {
  faithfulness: [
    /who attends to whom/,
    { 'well ': 'good', 'roughly ': 'fair', 'little ': 'poor', mislead: 'misleading' },
  ],
  trustworthiness: [/^neighbours /i, { roughly: 'roughly right', cannot: 'often wrong', 'can be': 'right' }],
  continuity: [/torn apart/, { often: 'often torn apart' }],
  motion: [/^motion /, { roughly: 'roughly right', cannot: 'often wrong', 'can be': 'right' }],
} as const;

/** What the sentence makes of a figure, to stand beside its number; '' where it says nothing of it. */
export function meansOf(figure: keyof typeof MEANT, sentence: string): string {
  const [about, words] = MEANT[figure];
  const clause = clausesOf(sentence).find((one) => about.test(one)) ?? '';
  return Object.entries(words).find(([word]) => clause.includes(word))?.[1] ?? '';
}
