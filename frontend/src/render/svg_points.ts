import type { Size } from '../base/size';
import { arrowhead, halvesOf } from './arrowheads';
import { hexCode, mixPlain } from './colours';
import { type Spot, spotOf } from './pick';
import type { Ghost, Picture, Rgb } from './picture';
import { OWN_FRAME } from './place';
import { HOLLOW, KEY_SIZE } from './points_glsl';
import { faint, short, squareOf } from './svg_ink';
import { patchShape } from './svg_patches';

/** The points as shapes. @param ratio device pixels per css pixel */
export function pointShapes(picture: Picture, size: Size, ratio: number): string[] {
  const { from, to, mix, cells } = picture;
  return from && to ? drawn(picture, { from, to, mix, cells }, false, size, ratio) : [];
}

/** Those of the other step that lies under them. */
export function ghostShapes(picture: Picture, size: Size, ratio: number): string[] {
  return picture.ghost ? drawn(picture, picture.ghost, true, size, ratio) : [];
}

interface Dot {
  readonly shape: string;
  /** Greater is farther from the eye. */
  readonly depth: number;
  /** An arrowhead at the border. */
  readonly outlying: boolean;
}

function drawn(picture: Picture, steps: Ghost, ghost: boolean, size: Size, ratio: number): string[] {
  const { dims, queries, keys, drawList, rotation, reach = OWN_FRAME } = picture;
  const cloud = { dims, from: steps.from, to: steps.to, mix: steps.mix, rotation, reach };
  const perHead = queries + keys;
  const dots: Dot[] = [];
  for (const vertex of drawList) {
    const head = Math.floor(vertex / perHead);
    const spot = spotOf(cloud, head, vertex - head * perHead);
    const square = squareOf(steps.cells, head, picture.camera);
    const dot = spot && dotOf(picture, vertex, spot, square, { ghost, size, ratio });
    if (dot) dots.push(dot);
  }
  // As the shaders: those beyond the border last.
  dots.sort((a, b) => Number(a.outlying) - Number(b.outlying));
  // Where the shader asks the depth buffer, paint goes from back to front.
  if (dims === 3) dots.sort((a, b) => b.depth - a.depth);
  return dots.map(({ shape }) => shape);
}

/** @param vertex the point's number among those of all heads */
function dotOf(
  picture: Picture,
  vertex: number,
  spot: Spot,
  [left, top, side]: readonly [number, number, number],
  { ghost, size: view, ratio }: { ghost: boolean; size: Size; ratio: number },
): Dot | null {
  const { dims, selecting, surface } = picture;
  const point = vertex % (picture.queries + picture.keys);
  const [x, y] = [left + side * spot.x, top + side * spot.y];
  const { colour, level, own } = styleOf(picture, vertex, point);
  const lit = selecting && level >= 2;
  const patches = ghost || spot.out ? null : picture.patches; // beyond the border they are arrowheads, as on screen
  const isPatch = patches != null && (patches.rectangles[4 * point + 2] ?? 0) > 0;
  const plain = (isPatch ? patches.size : picture.pointSize) * spot.grow * own;
  const across = !lit
    ? plain
    : level % 2 === 1
      ? Math.min(2.2 * plain, plain + 5)
      : Math.min(1.5 * plain, plain + 2);
  const isKey = point >= picture.queries;
  const diameter = across * (isKey && !isPatch ? KEY_SIZE : 1);
  if (x + diameter < 0 || y + diameter < 0 || x - diameter > view.width || y - diameter > view.height)
    return null;
  const far = ghost ? 0.3 : dims === 3 ? 0.45 * Math.min(1, Math.max(0, 0.5 - 0.5 * spot.z)) : 0;
  const paint = hexCode(mixPlain(colour, surface, lit ? 0 : far));
  const opacity = (lit ? 1 : selecting ? 0.2 : isPatch ? 1 : 0.8) * (ghost ? 0.75 : 1);
  const depth = dims === 3 ? -0.4 * spot.z - (lit ? 0.5 : 0) : 0;
  const look = { x, y, side: diameter, isKey, paint, opacity, chosen: lit && level % 2 === 1 };
  if (spot.out) {
    const halves = halvesOf(diameter, spot.beyond);
    const wall = Math.max(1 / ratio, (ghost ? 0.12 : 0.2) * 2 * halves[1]);
    const hole = ghost || (isKey && halves[1] * ratio > HOLLOW / 2) ? 0.85 : 0;
    // The wall lies within: its middle is half its width inside the sides.
    return { depth, outlying: true, shape: pointing(x, y, spot.out, halves, { wall, hole }, paint, opacity) };
  }
  const patch = patches && patchShape(patches, point, look, ratio);
  if (patch) return { depth, outlying: false, shape: patch };
  const room = diameter * ratio;
  const ring = {
    wall: Math.max(1 / ratio, (ghost ? 0.12 : 0.2) * diameter),
    // How much is missing in the middle: ghosts are nothing but their rim, keys hollow as soon as there is room.
    hole: ghost ? smoothstep(2, 5, room) : isKey && room > HOLLOW ? 0.85 : 0,
  };
  return {
    depth,
    outlying: false,
    shape: (isKey ? diamond : disc)(x, y, diameter / 2, ring, paint, opacity),
  };
}

/** What the shaders' styles say of a point: its colour, its level, and how many times as large it is as others. */
function styleOf({ styles, figures }: Picture, vertex: number, point: number) {
  const [red = 0, green = 0, blue = 0, level = 1] = styles.subarray(4 * point, 4 * point + 4);
  const [place = 0, size = 0] = figures?.values.subarray(2 * vertex, 2 * vertex + 2) ?? [];
  const own = size > 0 ? 2 ** ((size - 128) / 127) : 1;
  const [r = red, g = green, b = blue] =
    figures && place > 0 && level < 4 ? figures.ramp.subarray(4 * place, 4 * place + 3) : [];
  const colour: Rgb = [r / 255, g / 255, b / 255];
  return { colour, level, own };
}

interface Ring {
  /** Css pixels. */
  readonly wall: number;
  /** In [0, 1]. */
  readonly hole: number;
}

/** @param reach from the middle to the rim */
function disc(x: number, y: number, reach: number, ring: Ring, paint: string, opacity: number): string {
  const place = `<circle cx="${short(x)}" cy="${short(y)}" r=`;
  if (ring.hole === 0) return `${place}"${short(reach)}" fill="${paint}"${faint('fill', opacity)}/>`;
  const inner = Math.max(0, reach - ring.wall / 2);
  return `${place}"${short(inner)}" ${inked(ring, paint, opacity)}/>`;
}

/** @param reach from the middle to a corner */
function diamond(x: number, y: number, reach: number, ring: Ring, paint: string, opacity: number): string {
  if (ring.hole === 0) return `<path d="${corners(x, y, reach)}" fill="${paint}"${faint('fill', opacity)}/>`;
  // The wall lies within the diamond: its middle is half its width inside the edge, which is at 45°.
  const inner = Math.max(0, reach - ring.wall * Math.SQRT1_2);
  return `<path d="${corners(x, y, inner)}" ${inked(ring, paint, opacity)}/>`;
}

/** @param halves of its length and of its width */
function pointing(
  x: number,
  y: number,
  out: readonly [number, number],
  halves: readonly [number, number],
  ring: Ring,
  paint: string,
  opacity: number,
): string {
  if (ring.hole === 0)
    return `<path d="${arrowhead(x, y, out, halves)}" fill="${paint}"${faint('fill', opacity)}/>`;
  const [length, width] = halves;
  // A triangle half a wall smaller on each side has the same incircle's middle: r = area / half the perimeter.
  const side = Math.hypot(2 * length, width);
  const radius = (2 * length * width) / (side + width);
  const share = Math.max(0, 1 - ring.wall / 2 / radius);
  const shift = (radius - length) * (1 - share);
  const [cx, cy] = [x + out[0] * shift, y + out[1] * shift];
  return `<path d="${arrowhead(cx, cy, out, [share * length, share * width])}" ${inked(ring, paint, opacity)}/>`;
}

function inked({ wall, hole }: Ring, paint: string, opacity: number): string {
  const fill = hole === 1 ? 'fill="none"' : `fill="${paint}"${faint('fill', (1 - hole) * opacity)}`;
  return `${fill} stroke="${paint}" stroke-width="${short(wall)}"${faint('stroke', opacity)}`;
}

function corners(x: number, y: number, reach: number): string {
  const [left, right, top, bottom] = [x - reach, x + reach, y - reach, y + reach].map(short);
  return `M${short(x)} ${top}L${right} ${short(y)} ${short(x)} ${bottom} ${left} ${short(y)}Z`;
}

function smoothstep(low: number, high: number, x: number): number {
  const share = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return share * share * (3 - 2 * share);
}
