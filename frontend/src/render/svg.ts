import type { Size } from './camera';
import { hexCode, mixPlain } from './colours';
import { type Spot, spotOf } from './pick';
import type { Picture, Rgb } from './picture';
import { patchDefinitions, patchShape } from './svg_patches';

/** A picture as shapes, drawn as the shaders draw it: the same places, sizes, opacities and order. */

/** @param ratio device pixels per css pixel: what is a pixel wide on screen is as wide here
 * @returns an `<svg>` element of `size` css pixels, to be put into another one */
export function pictureSvg(picture: Picture, size: Size, ratio = 1): string {
  return [
    `<svg width="${short(size.width)}" height="${short(size.height)}">`,
    ...(picture.patches ? [patchDefinitions(picture.patches)] : []),
    ...cellShapes(picture, size, ratio),
    ...pointShapes(picture, size, ratio),
    '</svg>',
  ].join('\n');
}

/** What the shaders' one look says of a point: RGB in [0, 1], and its level. */
function lookOf({ looks }: Picture, point: number): { readonly colour: Rgb; readonly level: number } {
  const [red = 0, green = 0, blue = 0, level = 1] = looks.subarray(4 * point, 4 * point + 4);
  return { colour: [red / 255, green / 255, blue / 255], level };
}

/** Left, top and side of a head's cell, css pixels. */
function cellOf({ cells, camera }: Picture, head: number): readonly [number, number, number] {
  const [left = 0, top = 0, side = 0] = cells.subarray(4 * head, 4 * head + 3);
  return [left * camera.scale + camera.x, top * camera.scale + camera.y, side * camera.scale];
}

function cellShapes(picture: Picture, size: Size, ratio: number): string[] {
  const { tints, grid, opened, hovered } = picture;
  if (!tints) return [];
  const snapped = (place: number) => Math.round(place * ratio) / ratio;
  return Array.from({ length: grid.total }, (_, head) => {
    const [x, y, side] = cellOf(picture, head);
    if (x > size.width || y > size.height || x + side < 0 || y + side < 0) return '';
    const [left, top, right, bottom] = [snapped(x), snapped(y), snapped(x + side), snapped(y + side)];
    const wall = head === opened ? 2 : 1;
    const line = head === opened || head === hovered ? picture.accent : picture.border;
    const [red = 0, green = 0, blue = 0] = tints.subarray(4 * head, 4 * head + 3);
    const [width, height] = [right - left - wall, bottom - top - wall].map((length) => Math.max(0, length));
    return (
      `<rect x="${short(left + wall / 2)}" y="${short(top + wall / 2)}" width="${short(width ?? 0)}" ` +
      `height="${short(height ?? 0)}" fill="${hexCode([red / 255, green / 255, blue / 255])}" stroke="${hexCode(line)}" stroke-width="${wall}"/>`
    );
  }).filter(Boolean);
}

interface Dot {
  readonly shape: string;
  /** Greater is farther from the eye. */
  readonly depth: number;
}

function pointShapes(picture: Picture, size: Size, ratio: number): string[] {
  const { from, to, dims, queries, keys, drawList, mix, rotation } = picture;
  if (!from || !to) return [];
  const cloud = { dims, from, to, mix, rotation };
  const perHead = queries + keys;
  const dots: Dot[] = [];
  for (const vertex of drawList) {
    const head = Math.floor(vertex / perHead);
    const point = vertex - head * perHead;
    const spot = spotOf(cloud, head, point);
    const dot = spot && dotOf(picture, head, point, spot, size, ratio);
    if (dot) dots.push(dot);
  }
  // Where the shader asks the depth buffer, paint goes from back to front.
  if (dims === 3) dots.sort((a, b) => b.depth - a.depth);
  return dots.map(({ shape }) => shape);
}

function dotOf(
  picture: Picture,
  head: number,
  point: number,
  spot: Spot,
  view: Size,
  ratio: number,
): Dot | null {
  const { dims, selecting, surface } = picture;
  const [left, top, side] = cellOf(picture, head);
  const [x, y] = [left + side * spot.x, top + side * spot.y];
  const { colour, level } = lookOf(picture, point);
  const lit = selecting && level >= 2;
  const { patches } = picture;
  const isPatch = patches !== null && patches !== undefined && (patches.rectangles[4 * point + 2] ?? 0) > 0;
  const plain = (isPatch ? patches.size : picture.pointSize) * spot.grow;
  const across = !lit
    ? plain
    : level === 3
      ? Math.min(2.2 * plain, plain + 5)
      : Math.min(1.5 * plain, plain + 2);
  const isKey = point >= picture.queries;
  const diameter = across * (isKey && !isPatch ? 1.15 : 1);
  if (x + diameter < 0 || y + diameter < 0 || x - diameter > view.width || y - diameter > view.height)
    return null;
  const fog = dims === 3 && !lit ? 0.45 * Math.min(1, Math.max(0, 0.5 - 0.5 * spot.z)) : 0;
  const paint = hexCode(mixPlain(colour, surface, fog));
  const opacity = lit ? 1 : selecting ? 0.2 : isPatch ? 1 : 0.8;
  const chosen = lit && level === 3;
  const patch =
    patches && patchShape(patches, point, { x, y, side: diameter, isKey, paint, opacity, chosen }, ratio);
  return {
    depth: dims === 3 ? -0.4 * spot.z - (lit ? 0.5 : 0) : 0,
    shape:
      patch ??
      (isKey ? diamond(x, y, diameter, ratio, paint, opacity) : disc(x, y, diameter, paint, opacity)),
  };
}

function disc(x: number, y: number, diameter: number, paint: string, opacity: number): string {
  return `<circle cx="${short(x)}" cy="${short(y)}" r="${short(diameter / 2)}" fill="${paint}"${faint('fill', opacity)}/>`;
}

/** Hollow as soon as there is room for a hole of its own, in device pixels. */
function diamond(
  x: number,
  y: number,
  diameter: number,
  ratio: number,
  paint: string,
  opacity: number,
): string {
  if (diameter * ratio <= 6)
    return `<path d="${corners(x, y, diameter / 2)}" fill="${paint}"${faint('fill', opacity)}/>`;
  const wall = Math.max(1 / ratio, 0.2 * diameter);
  // The wall lies within the diamond: its middle is half its width inside the edge, which is at 45°.
  const inner = diameter / 2 - wall * Math.SQRT1_2;
  return (
    `<path d="${corners(x, y, inner)}" fill="${paint}"${faint('fill', 0.15 * opacity)} ` +
    `stroke="${paint}" stroke-width="${short(wall)}"${faint('stroke', opacity)}/>`
  );
}

/** @param reach from the middle to a corner */
function corners(x: number, y: number, reach: number): string {
  const [left, right, top, bottom] = [x - reach, x + reach, y - reach, y + reach].map(short);
  return `M${short(x)} ${top}L${right} ${short(y)} ${short(x)} ${bottom} ${left} ${short(y)}Z`;
}

function faint(what: 'fill' | 'stroke', opacity: number): string {
  return opacity === 1 ? '' : ` ${what}-opacity="${short(opacity)}"`;
}

/** A hundredth of a pixel is nothing that anybody sees. */
function short(value: number): string {
  return String(Math.round(100 * value) / 100);
}
