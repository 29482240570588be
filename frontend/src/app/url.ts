import { encoded } from '../base/encoded';
import type { Link, Said } from '../run/setting';

const TAB = 'attnviz';
/** TensorBoard keeps its own state in the same hash; ours is told apart by this prefix. */
const PREFIX = 'p.attnviz.';

/** TensorBoard's hash: the tab's name first, then pairs. */
export function readTab(hash: string): string {
  const first = parts(hash)[0] ?? '';
  return first.includes('=') ? '' : first;
}

/** What the address says of us. */
export function readLink(hash: string): Link {
  const found = new Map<string, string>();
  for (const part of parts(hash)) {
    const [name, value] = split(part);
    if (name.startsWith(PREFIX)) found.set(name.slice(PREFIX.length), value);
  }
  return found;
}

/** The hash with our pairs replaced by these, and every other one, and the tab's name, as they were. */
export function writeLink(hash: string, said: Said): string {
  const kept = parts(hash).filter((part) => !split(part)[0].startsWith(PREFIX));
  if (readTab(hash) === '') kept.unshift(TAB);
  const ours = Object.entries(said).map(([name, value]) => `${PREFIX}${name}=${encoded(value)}`);
  return `#${[...kept, ...ours].join('&')}`;
}

/** Our pairs in one word, however they are encoded and in whichever order they stand; empty where there are none. */
export function ownPairs(hash: string): string {
  const pairs = [...readLink(hash)].sort();
  return pairs.length > 0 ? JSON.stringify(pairs) : '';
}

/** Whether the hash belongs to our tab: TensorBoard names none while its first tab is shown. */
export function isOurs(hash: string): boolean {
  const tab = readTab(hash);
  return tab === '' || tab === TAB;
}

function parts(hash: string): string[] {
  return hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => part !== '');
}

function split(part: string): [string, string] {
  const at = part.indexOf('=');
  return at < 0 ? [decode(part), ''] : [decode(part.slice(0, at)), decode(part.slice(at + 1))];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % that someone typed
  }
}
