import type { Size } from '../base/size';
import { cellFrames } from './cell_frames';
import { hexCode } from './colours';
import { type CellMaps, mapBox, mixedValue } from './maps';
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
    return maps.form === 'heat' ? heat(maps, frame.head, box) : bars(maps, frame.head, box);
  });
}

const LINE = 1.5;

type Box = ReturnType<typeof mapBox>;

function heat(maps: CellMaps, head: number, { left, top, width, height }: Box): string[] {
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
    ...outlined(maps, { left, top, width, height }),
  ];
}

/** The line around the middle, where there is room within it: as the shader has it. */
function outlined({ rows, columns, middle }: CellMaps, { left, top, width, height }: Box): string[] {
  const [wide, tall] = [width / columns, height / rows];
  if (!middle || Math.min(wide, tall) <= 6) return [];
  const [x, y] = [left + (width - wide) / 2 + LINE / 2, top + (height - tall) / 2 + LINE / 2];
  const box = `x="${short(x)}" y="${short(y)}" width="${short(wide - LINE)}" height="${short(tall - LINE)}"`;
  return [`<rect ${box} fill="none" stroke="${hexCode(middle)}" stroke-width="${LINE}"/>`];
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
