import { type Camera, toScreen } from '../render/camera';
import { cellOf, type Grid, headNumber } from '../render/layout';
import type { HeadPlace } from '../run/head';
import type { Link } from './links';

/** A link as it is drawn: from the head that feeds to the one that is fed, in css pixels. */
interface Arc {
  readonly link: Link;
  /** An SVG path, and its arrowhead. */
  readonly path: string;
  readonly tip: string;
  readonly width: number;
}

/** Css pixels of the strongest link, and of one that contributes hardly anything. */
const WIDEST = 9;
const THINNEST = 1.5;
/** How far from the cells' centres arcs begin and end, as a share of a cell. */
const APART = 0.3;
/** How far arcs bend, as a share of their length: what runs past other cells is told from what ends in them. */
const BEND = 0.18;

/** The arcs of a head's links; those of heads that have no cell are left out.
 * @param most the contribution of the widest */
export function arcsOf(
  links: readonly Link[],
  opened: HeadPlace,
  { grid, rects, camera, most }: { grid: Grid; rects: Float32Array; camera: Camera; most: number },
): Arc[] {
  const centre = (place: HeadPlace) => {
    const cell = cellOf({ rects }, headNumber(grid, place));
    return cell && { at: toScreen(camera, cell.x + cell.side / 2, cell.y + cell.side / 2), side: cell.side };
  };
  const own = centre(opened);
  if (!own) return [];
  return links.flatMap((link) => {
    const other = centre(link);
    if (!other) return [];
    const [from, to] = link.feeds ? [other.at, own.at] : [own.at, other.at];
    const width = THINNEST + (WIDEST - THINNEST) * Math.min(1, link.contribution / most);
    return [{ link, width, ...bent(from, to, APART * own.side * camera.scale, width, link.by) }];
  });
}

type Point = readonly [number, number];

/** From beside one centre to beside another, bent to one side by keys and to the other by queries. */
function bent(
  from: Point,
  to: Point,
  apart: number,
  width: number,
  by: Link['by'],
): { readonly path: string; readonly tip: string } {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy) || 1;
  const aside = (by === 'keys' ? 1 : -1) * BEND;
  const middle: Point = [(from[0] + to[0]) / 2 - aside * dy, (from[1] + to[1]) / 2 + aside * dx];
  const toward = (a: Point, b: Point, distance: number): Point => {
    const far = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const share = Math.min(0.45, distance / far);
    return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
  };
  const start = toward(from, middle, Math.min(apart, length / 3));
  const end = toward(to, middle, Math.min(apart, length / 3));
  const head = 4 + 1.4 * width;
  const neck = toward(end, middle, head);
  const [ux, uy] = [(end[0] - neck[0]) / head, (end[1] - neck[1]) / head];
  const half = 2.5 + 0.8 * width;
  const corner = (sign: number): Point => [neck[0] - sign * half * uy, neck[1] + sign * half * ux];
  const said = (...points: Point[]) => points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  const [p0, p1, p2] = said(start, middle, neck);
  const [t0, t1, t2] = said(end, corner(1), corner(-1));
  return { path: `M${p0}Q${p1} ${p2}`, tip: `M${t0}L${t1}L${t2}Z` };
}
