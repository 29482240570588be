import type { Arrow, Both, Link } from '../attention/reading';
import type { Size } from '../base/size';
import type { Patches } from '../run/grids';

/** Arrows and links as paths, in css pixels of an image that is drawn so wide and high. */

export interface Stroke {
  readonly key: string;
  readonly path: string;
  /** In [0, 1], by its weight. */
  readonly opacity: number;
  readonly negative: boolean;
}

/** Of a patch's smaller side: an arrow's head, and how far from a patch's middle arrows begin. */
const HEAD = 0.3;
const START = 0.12;
/** The faintest, so that it is still seen. */
const FAINT = 0.25;
/** Of a patch's smaller side: the widest link. */
const WIDEST = 0.17;

interface Frame extends Size {
  readonly patches: Both;
}

/** Of a patch. */
export function middle(
  { grid, places }: Patches,
  { width, height }: Size,
  token: number,
): readonly [number, number] {
  const [row, column] = places[token] ?? [0, 0];
  return [((column + 0.5) * width) / grid.columns, ((row + 0.5) * height) / grid.rows];
}

/** The smaller side of a patch of a query. */
function patchSide({ patches, width, height }: Frame): number {
  const { rows, columns } = patches.query.grid;
  return Math.min(width / columns, height / rows);
}

/** A line with a head, a dot for an arrow to itself, a ring for one to what has no place. */
export function arrowStrokes(arrows: readonly Arrow[], frame: Frame): Stroke[] {
  const side = patchSide(frame);
  const from = (token: number) => middle(frame.patches.query, frame, token);
  const most = Math.max(...arrows.map(({ weight }) => Math.abs(weight)));
  return arrows.map(({ query, key, weight, to }) => ({
    key: `${query}`,
    path:
      to === 'patch'
        ? arrowPath(from(query), middle(frame.patches.key, frame, key), side)
        : to === 'self'
          ? circle(from(query), 0.1 * side)
          : circle(from(query), 0.2 * side) + circle(from(query), 0.13 * side),
    opacity: FAINT + (1 - FAINT) * (Math.abs(weight) / most),
    negative: weight < 0,
  }));
}

/** Wide at the query, a point at the key. */
export function linkStrokes(links: readonly Link[], frame: Frame): Stroke[] {
  const side = patchSide(frame);
  const most = Math.abs(links.at(-1)?.weight ?? 1);
  return links.map(({ query, key, weight }) => {
    const share = Math.abs(weight) / most;
    const [x, y] = middle(frame.patches.query, frame, query);
    const [toX, toY] = middle(frame.patches.key, frame, key);
    const length = Math.hypot(toX - x, toY - y) || 1;
    const wide = (0.5 * Math.max(1.2, WIDEST * side * share)) / length;
    const [across, down] = [-(toY - y) * wide, (toX - x) * wide];
    return {
      key: `${query}-${key}`,
      path: `M${at(x + across, y + down)}L${at(toX, toY)} ${at(x - across, y - down)}Z`,
      opacity: FAINT + (1 - FAINT) * share,
      negative: weight < 0,
    };
  });
}

function arrowPath(
  [x, y]: readonly [number, number],
  [toX, toY]: readonly [number, number],
  side: number,
): string {
  const length = Math.hypot(toX - x, toY - y);
  const [dx, dy] = [(toX - x) / length, (toY - y) / length];
  const [head, shaft] = [Math.max(4, HEAD * side), Math.max(0.7, 0.035 * side)];
  const along = (far: number, aside: number) => at(x + far * dx - aside * dy, y + far * dy + aside * dx);
  const neck = length - head;
  return (
    `M${along(START * side, shaft)}L${along(neck, shaft)} ${along(neck, head / 2)} ${along(length, 0)} ` +
    `${along(neck, -head / 2)} ${along(neck, -shaft)} ${along(START * side, -shaft)}Z`
  );
}

function circle([x, y]: readonly [number, number], radius: number): string {
  const r = radius.toFixed(1);
  return `M${at(x - radius, y)}a${r} ${r} 0 1 0 ${(2 * radius).toFixed(1)} 0a${r} ${r} 0 1 0 ${(-2 * radius).toFixed(1)} 0Z`;
}

function at(x: number, y: number): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
