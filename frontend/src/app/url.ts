import { type ComparePlace, readCompare } from '../compare/compare_place';
import { readScatter, type ScatterPlace } from '../encoding/scatter_place';
import { type FindPlace, readFind } from '../find/find_place';
import { type HeadViewPlace, readHeadView } from '../head/head_place';
import { type ImageViewPlace, readImageView } from '../image/image_place';
import { type MatrixPlace, readMatrix } from '../matrix/matrix_place';
import { readSentence, type SentencePlace } from '../reading/sentence_place';
import { type Projection, readProjection, writeProjection } from '../run/projection';
import { readTimeline, type TimelinePlace } from '../timeline/timeline_place';

/** What a link to this tab says. Absent means the default: the newest step, no head opened, … */
export interface Place
  extends TimelinePlace,
    SentencePlace,
    ScatterPlace,
    HeadViewPlace,
    ImageViewPlace,
    FindPlace,
    ComparePlace,
    MatrixPlace {
  readonly run?: string;
  readonly step?: number;
  readonly frame?: number;
  readonly refit?: 'live';
  readonly layer?: number;
  readonly head?: number;
  readonly projection: Projection;
  readonly dims?: 2 | 3;
  readonly colour?: string;
  readonly tint?: string;
  readonly sequence?: number;
  /** A number, with a k behind it if the key was selected, not the query. */
  readonly token?: string;
  /** Which tokens it is one of, where layers differ in them (`listName`); the probe's own, unless told otherwise. */
  readonly list?: string;
}

const TAB = 'attnviz';
/** TensorBoard keeps its own state in the same hash; ours is told apart by this prefix. */
const PREFIX = 'p.attnviz.';

/** TensorBoard's hash: the tab's name first, then pairs. */
export function readTab(hash: string): string {
  const first = parts(hash)[0] ?? '';
  return first.includes('=') ? '' : first;
}

export function readPlace(hash: string): Place {
  const found = ownOf(hash);
  const whole = (name: string) => {
    const text = found.get(name);
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const token = found.get('token');
  const place: Omit<Place, 'projection'> = defined({
    run: found.get('run'),
    step: whole('step'),
    frame: whole('frame'),
    refit: found.get('refit') === 'live' ? 'live' : undefined,
    layer: whole('layer'),
    head: whole('head'),
    dims: found.get('dims') === '3' ? 3 : found.get('dims') === '2' ? 2 : undefined,
    colour: found.get('colour') || undefined,
    tint: found.get('tint'),
    sequence: whole('sequence'),
    token: token !== undefined && /^\d{1,9}k?$/.test(token) ? token : undefined,
    list: /^((key_)?tokens-\d{1,4}x\d{1,4}|key_tokens)$/.exec(found.get('list') ?? '')?.[0],
    ...readTimeline(found),
    ...readSentence(found),
    ...readScatter(found),
    ...readFind(found),
    ...readCompare(found),
    ...readMatrix(found),
    ...readHeadView(found),
    ...readImageView(found),
  });
  return { ...place, projection: readProjection(found) };
}

/** The hash with our pairs replaced by these, and every other one, and the tab's name, as they were. */
export function writePlace(hash: string, place: Place): string {
  const kept = parts(hash).filter((part) => !split(part)[0].startsWith(PREFIX));
  if (readTab(hash) === '') kept.unshift(TAB);
  const { projection, ...rest } = place;
  for (const [name, value] of Object.entries({ ...rest, ...writeProjection(projection) })) {
    if (value !== undefined) kept.push(`${PREFIX}${name}=${encodeURIComponent(String(value))}`);
  }
  return `#${kept.join('&')}`;
}

/** Our pairs in one word, however they are encoded and in whichever order they stand; empty where there are none. */
export function ownPairs(hash: string): string {
  const pairs = [...ownOf(hash)].sort();
  return pairs.length > 0 ? JSON.stringify(pairs) : '';
}

/** Whether the hash belongs to our tab: TensorBoard names none while its first tab is shown. */
export function isOurs(hash: string): boolean {
  const tab = readTab(hash);
  return tab === '' || tab === TAB;
}

function ownOf(hash: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of parts(hash)) {
    const [name, value] = split(part);
    if (name.startsWith(PREFIX)) found.set(name.slice(PREFIX.length), value);
  }
  return found;
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

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
