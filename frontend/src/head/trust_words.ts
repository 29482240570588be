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
    .replace(/^\w+ shows? well who attends to whom$/, 'Trust: good')
    .replace(/^\w+ shows? roughly who attends to whom$/, 'Trust: fair')
    .replace(/^\w+ says? little about who attends to whom$/, 'Trust: poor')
    .replace(/^\w+ misleads? about who attends to whom$/, 'Trust: misleading')
    .replace(/^The key attended to most is among .* for (\d+ of 100) queries$/, 'Top key: $1')
    .replace(' can be believed only roughly', ' roughly right')
    .replace(' can be believed', ' right')
    .replace(' cannot be believed', ' often wrong');
}
