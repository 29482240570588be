import type { Size } from '../base/size';
import { cellFrames } from './cell_frames';
import { hexCode } from './colours';
import { type CellMaps, mapBox, middleLine, mixedValue } from './maps';
import type { Picture, Rgb } from './picture';
import { pngDataUrl } from './png';
import { faint, short } from './svg_ink';

/** The cells' maps as shapes: heat as a small image a cell, a pixel for each place; bars as one path a colour.
 * @param ratio device pixels per css pixel */
export function mapShapes(picture: Picture, size: Size, ratio: number): string[] {
  const { maps } = picture;
  if (!maps || maps.rows * maps.columns === 0) return [];
  return cellFrames(picture, size, ratio).flatMap((frame) => {
    const box = mapBox(frame, maps, ratio);
    if (box.width === 0) return [];
    return maps.form === 'heat' ? heat(maps, frame.head, box, ratio) : bars(maps, frame.head, box);
  });
}

type Box = ReturnType<typeof mapBox>;

function heat(maps: CellMaps, head: number, box: Box, ratio: number): string[] {
  const { left, top, width, height } = box;
  const { rows, columns, most, colours } = maps;
  const first = head * rows * columns;
  const pixels = Uint8Array.from({ length: rows * columns }, (_, at) => {
    const value = mixedValue(maps, first + at);
    return Number.isNaN(value) ? 0 : 1 + Math.round(254 * Math.sqrt(Math.min(1, value / most)));
  });
  if (!pixels.some(Boolean)) return [];
  return [
    `<image x="${short(left)}" y="${short(top)}" width="${short(width)}" height="${short(height)}" ` +
      `preserveAspectRatio="none" style="image-rendering:pixelated"${opacity(maps)} ` +
      `href="${pngDataUrl(columns, rows, pixels, colours)}"/>`,
    ...outlined(maps, box, ratio),
  ];
}

function outlined(maps: CellMaps, box: Box, ratio: number): string[] {
  const found = maps.middle && middleLine(box, maps, ratio);
  if (!maps.middle || !found) return [];
  const { left, top, width, height, line } = found;
  const place = `x="${short(left + line / 2)}" y="${short(top + line / 2)}" width="${short(width - line)}" height="${short(height - line)}"`;
  return [`<rect ${place} fill="none" stroke="${hexCode(maps.middle)}" stroke-width="${short(line)}"/>`];
}

function bars(maps: CellMaps, head: number, { left, top, width, height }: Box): string[] {
  const { columns, most, colours } = maps;
  const paths = new Map<string, string>();
  for (let column = 0; column < columns; column++) {
    const value = mixedValue(maps, head * columns + column);
    if (!(value > 0)) continue;
    const [red = 0, green = 0, blue = 0] = colours.subarray(4 * column, 4 * column + 3);
    const paint = hexCode([red / 255, green / 255, blue / 255] as Rgb);
    const tall = height * Math.min(1, value / most);
    const [x, wide] = [left + (column * width) / columns, width / columns];
    const bar = `M${short(x)} ${short(top + height)}v${short(-tall)}h${short(wide)}v${short(tall)}z`;
    paths.set(paint, (paths.get(paint) ?? '') + bar);
  }
  return [...paths].map(([paint, path]) => `<path d="${path}" fill="${paint}"${opacity(maps)}/>`);
}

function opacity(maps: CellMaps): string {
  return faint('fill', maps.opacity).replace('fill-opacity', 'opacity');
}
