import { EDGE_OF_FRAME, OWN_FRAME, type Reach, reachOf } from './place';
import type { StepPoints } from './positions';
import { short } from './svg_ink';

/** Points that lie beyond the border stand at it as arrowheads, which point to where they are: the farther, the longer. */

/** How wide an arrowhead is, in diameters of a point; in small cells wider, up to so many css pixels: else it is a dot. */
const WIDTH = { usual: 1.25, most: 2.5, seen: 4.5 } as const;
/** Its length in widths, at the border and at most, and how much each doubling of the distance adds. */
const LENGTH = { near: 1, most: 2.2, doubling: 0.3 } as const;

const number = (x: number) => x.toFixed(2);

/** Half its length and half its width. `reach`: how far the point lies, in shares of the way to the border. */
export const HALVES_GLSL = `vec2 halvesOf(float diameter, float reach, float ratio) {
  float width = max(${number(WIDTH.usual)} * diameter, min(${number(WIDTH.most)} * diameter, ${number(WIDTH.seen)} * ratio));
  return 0.5 * width * vec2(min(${number(LENGTH.most)}, ${number(LENGTH.near)} + ${number(LENGTH.doubling)} * log2(reach)), 1.0);
}`;

/** Css pixels. */
export function halvesOf(diameter: number, reach: number): readonly [length: number, width: number] {
  const width = Math.max(WIDTH.usual * diameter, Math.min(WIDTH.most * diameter, WIDTH.seen));
  return [0.5 * width * Math.min(LENGTH.most, LENGTH.near + LENGTH.doubling * Math.log2(reach)), 0.5 * width];
}

/** How deep a place of the point's square is within its arrowhead, device pixels; below zero outside.
 * `p` from the middle of the square; `size`: its halves. */
export const DEPTH_GLSL = `float depthOf(vec2 p, vec2 way, vec2 size) {
  float along = dot(p, way);
  float across = abs(p.x * way.y - p.y * way.x);
  float flank = ((size.x - along) * size.y - 2.0 * size.x * across) / length(vec2(2.0 * size.x, size.y));
  return min(size.x + along, flank);
}`;

/** A path: its middle, where it points, and its halves. */
export function arrowhead(
  x: number,
  y: number,
  [dx, dy]: readonly [number, number],
  [half, width]: readonly [number, number],
): string {
  const at = (along: number, across: number) =>
    `${short(x + along * dx - across * dy)} ${short(y + along * dy + across * dx)}`;
  return `M${at(half, 0)}L${at(-half, width)} ${at(-half, -width)}Z`;
}

interface Steps {
  readonly from: StepPoints;
  readonly to: StepPoints;
}

/** Which points of a draw list are beyond the border at one of two steps: what is between them at both is within. */
export class Outliers {
  private of: readonly unknown[] = [];
  private list: Uint32Array = new Uint32Array(0);

  /** The same array as long as nothing changes. */
  find(
    drawList: Uint32Array,
    { from, to }: Steps,
    perHead: number,
    dims: number,
    reach = OWN_FRAME,
  ): Uint32Array {
    const of = [drawList, from, to, perHead, dims, ...reach];
    if (of.length === this.of.length && of.every((one, i) => one === this.of[i])) return this.list;
    this.of = of;
    this.list = drawList.filter((vertex) => {
      const head = Math.floor(vertex / perHead);
      const start = (vertex - head * perHead) * dims;
      return isBeyond(from.heads[head], start, dims, reach) || isBeyond(to.heads[head], start, dims, reach);
    });
    return this.list;
  }
}

function isBeyond(
  points: Float32Array | null | undefined,
  start: number,
  dims: number,
  reach: Reach,
): boolean {
  if (!points) return false;
  const [x = 0, y = 0] = [points[start], points[start + 1]];
  return reachOf(x, y, dims === 3 ? (points[start + 2] ?? 0) : 0, reach) > EDGE_OF_FRAME;
}
