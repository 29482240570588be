/** Names of which none looks like another one where there is room for so many characters: cut in the middle; those that would
 * then be the same, so that what tells them apart is seen. */
export function shortNames(names: readonly string[], most: number): readonly string[] {
  const cut = names.map((name) => cutInMiddle(name, most));
  return names.map((name, i) => {
    const alike = names.filter((other, j) => j !== i && other !== name && cut[j] === cut[i]);
    if (alike.length === 0) return cut[i] ?? name;
    const shared = Math.min(...alike.map((other) => sharedStart(name, other)));
    return `…${cutInMiddle(name.slice(Math.max(1, shared - 3)), most - 1)}`;
  });
}

export function cutInMiddle(name: string, most: number): string {
  if (name.length <= most) return name;
  const tail = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - tail)}…${name.slice(name.length - tail)}`;
}

function sharedStart(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i;
}
