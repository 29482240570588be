import type { Size } from './camera';
import { WIDEST, WIDEST_SHARE } from './cells';
import { hexCode } from './colours';
import type { Picture, Rgb } from './picture';
import { short, squareOf } from './svg_ink';

/** The cells' backgrounds and borders as shapes. @param ratio device pixels per css pixel */
export function cellShapes(picture: Picture, size: Size, ratio: number): string[] {
  const { tints, borders, grid, opened, hovered, cells, camera } = picture;
  if (!tints) return [];
  const snapped = (place: number) => Math.round(place * ratio) / ratio;
  return Array.from({ length: grid.total }, (_, head) => {
    const [x, y, side] = squareOf(cells, head, camera);
    if (side === 0 || x > size.width || y > size.height || x + side < 0 || y + side < 0) return [];
    const [left, top, right, bottom] = [snapped(x), snapped(y), snapped(x + side), snapped(y + side)];
    const square = (wall: number, line: Rgb, fill: string) => {
      const [width, height] = [right - left - wall, bottom - top - wall].map((length) => Math.max(0, length));
      return (
        `<rect x="${short(left + wall / 2)}" y="${short(top + wall / 2)}" width="${short(width ?? 0)}" ` +
        `height="${short(height ?? 0)}" fill="${fill}" stroke="${hexCode(line)}" stroke-width="${short(wall)}"/>`
      );
    };
    const mark = head === opened ? 2 : head === hovered ? 1 : 0;
    const widest = Math.min(WIDEST, WIDEST_SHARE * Math.min(right - left, bottom - top));
    const border = borders?.subarray(4 * head, 4 * head + 4);
    const wall = snapped(1 + ((border?.[3] ?? 0) / 255) * Math.max(0, widest - 1));
    const tint = hexCode(rgbAt(tints, head));
    if (mark >= wall) return [square(mark, picture.accent, tint)];
    const bordered = square(wall, border ? rgbAt(border, 0) : picture.border, tint);
    return mark > 0 ? [bordered, square(mark, picture.accent, 'none')] : [bordered];
  }).flat();
}

/** A colour among RGBA bytes. */
function rgbAt(colours: Uint8Array, head: number): Rgb {
  const [red = 0, green = 0, blue = 0] = colours.subarray(4 * head, 4 * head + 3);
  return [red / 255, green / 255, blue / 255];
}
