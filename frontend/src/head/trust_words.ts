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
