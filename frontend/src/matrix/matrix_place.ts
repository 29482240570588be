import type { Playback } from '../playback/playback.svelte';
import type { View } from '../render/camera';
import type { HeadPlace } from '../run/head';
import type { Run } from '../run/types';
import { type Arrangement, isDescending } from './arrangement.svelte';
import type { Change, Since } from './change.svelte';
import { EVERY_HEAD } from './head_filter';
import type { Likeness } from './likeness.svelte';
import type { MatrixView } from './matrix_view.svelte';

/** What a link says of the matrix. Absent means the default. */
export interface MatrixPlace {
  /** What sorts the heads: name, or a score. */
  readonly arrange?: string;
  readonly order?: 'up' | 'down';
  /** The step whose values sort and filter, where another one is shown. */
  readonly sorted?: number;
  /** The step from which change is measured. */
  readonly since?: number;
  /** Layer and head of the one that likeness is to, with a hyphen between them. */
  readonly like?: string;
  /** Which heads are shown, by name. */
  readonly heads?: string;
  /** Which are shown, by value: a score, the least and the greatest value, with two dots between them. */
  readonly range?: string;
  /** Layer and head of each, with a hyphen between them, and dots between the heads. */
  readonly pinned?: string;
  readonly border?: string;
  readonly curves?: 0;
  /** Where the view stands, and how much of the world it shows: see `View`. */
  readonly view?: string;
}

const NUMBER = /^-?\d+(\.\d+)?(e-?\d+)?$/i;
const ID = /^\w[\w./-]*$/;

/** What a link sets, and says. */
interface Needs {
  readonly arrangement: Arrangement;
  readonly matrixView: Pick<MatrixView, 'chosen'>;
  readonly scoring: {
    readonly change: Pick<Change, 'since'>;
    readonly likeness: Pick<Likeness, 'to'>;
  };
}

/** @param found the link's pairs */
export function readMatrix(found: ReadonlyMap<string, string>): MatrixPlace {
  const id = (name: string) => {
    const text = found.get(name);
    return text !== undefined && ID.test(text) ? text : undefined;
  };
  const step = (name: string) => {
    const text = found.get(name);
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const place = {
    arrange: id('arrange'),
    order: (['up', 'down'] as const).find((order) => order === found.get('order')),
    sorted: step('sorted'),
    since: step('since'),
    like: formatPinned(parsePinned(found.get('like')).slice(0, 1)) || undefined,
    heads: found.get('heads')?.slice(0, 200) || undefined,
    range: parseRange(found.get('range')) ? found.get('range') : undefined,
    pinned: formatPinned(parsePinned(found.get('pinned'))) || undefined,
    border: id('border'),
    curves: found.get('curves') === '0' ? 0 : undefined,
    view: parseView(found.get('view')) ? found.get('view') : undefined,
  } as const;
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
}

export function enterMatrix(place: MatrixPlace, { arrangement, scoring, matrixView }: Needs): void {
  const range = parseRange(place.range);
  arrangement.by = place.arrange ?? 'layer';
  arrangement.descending = place.order ? place.order === 'down' : isDescending(arrangement.by);
  arrangement.basis = place.sorted ?? null;
  arrangement.filter = { ...EVERY_HEAD, names: place.heads ?? '', ...range };
  arrangement.border = place.border ?? null;
  arrangement.curves = place.curves !== 0;
  scoring.likeness.to = parsePinned(place.like)[0] ?? null;
  scoring.change.since = place.since ?? 'previous';
  matrixView.chosen = parseView(place.view);
}

/** @param run the run that was entered: of the pins, only what it has */
export function enterPins({ pinned }: MatrixPlace, arrangement: Arrangement, run: Run): void {
  arrangement.pins = parsePinned(pinned).filter(({ layer, head }) => head < (run.layers[layer]?.heads ?? 0));
}

export function placeOfMatrix({
  arrangement,
  scoring,
  matrixView,
  playback,
}: Needs & { readonly playback: Pick<Playback, 'step'> }): MatrixPlace {
  const { by, descending, basis, filter, pins, border, curves, filtering } = arrangement;
  const { names, score, least, most } = filter;
  const scored = (by !== 'layer' && by !== 'name') || (filtering && score !== null);
  const ranged = score !== null && (least !== null || most !== null);
  const { chosen } = matrixView;
  const { change, likeness } = scoring;
  return {
    ...(by !== 'layer' && { arrange: by }),
    ...(by !== 'layer' && descending !== isDescending(by) && { order: descending ? 'down' : 'up' }),
    ...(scored && basis !== null && basis !== playback.step && { sorted: basis }),
    ...(likeness.to && arrangement.uses('likeness') && { like: formatPinned([likeness.to]) }),
    ...(change.since !== ('previous' satisfies Since) && { since: change.since }),
    ...(names.trim() !== '' && { heads: names.trim() }),
    ...(ranged && { range: `${score}..${least ?? ''}..${most ?? ''}` }),
    ...(pins.length > 0 && { pinned: formatPinned(pins) }),
    ...(border !== null && { border }),
    ...(!curves && { curves: 0 }),
    ...(chosen && { view: formatView(chosen) }),
  };
}

function parseRange(
  text: string | undefined,
): { score: string; least: number | null; most: number | null } | null {
  const [score, low, high, ...rest] = text?.split('..') ?? [];
  if (score === undefined || !ID.test(score) || rest.length > 0) return null;
  const [least, most] = [low, high].map((end) => (end && NUMBER.test(end) ? Number(end) : null));
  if (least === undefined || most === undefined || (least === null && most === null)) return null;
  return { score, least, most };
}

function parsePinned(text: string | undefined): HeadPlace[] {
  return (text ?? '').split('.').flatMap((pin) => {
    const found = /^(\d{1,4})-(\d{1,4})$/.exec(pin);
    return found ? [{ layer: Number(found[1]), head: Number(found[2]) }] : [];
  });
}

function formatPinned(pins: readonly HeadPlace[]): string {
  return pins.map(({ layer, head }) => `${layer}-${head}`).join('.');
}

function parseView(text: string | undefined): View | null {
  const [x, y, span, ...rest] = (text ?? '')
    .split('_')
    .map((part) => (NUMBER.test(part) ? Number(part) : Number.NaN));
  if (x === undefined || y === undefined || span === undefined || rest.length > 0) return null;
  return Number.isFinite(x + y + span) && span > 0 ? { x, y, span } : null;
}

function formatView({ x, y, span }: View): string {
  return [x, y, span].map((value) => String(Number(value.toFixed(3)))).join('_');
}
