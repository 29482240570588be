import type { Size } from '../base/size';
import { cellFrames } from './cell_frames';
import { hexCode } from './colours';
import type { Picture, Rgb } from './picture';
import { short } from './svg_ink';

/** The cells' backgrounds and borders as shapes. @param ratio device pixels per css pixel */
export function cellShapes(picture: Picture, size: Size, ratio: number): string[] {
  return cellFrames(picture, size, ratio).flatMap(
    ({ left, top, right, bottom, mark, wall, border, tint }) => {
      const square = (thick: number, line: Rgb, fill: string) => {
        const [width, height] = [right - left - thick, bottom - top - thick].map((length) =>
          Math.max(0, length),
        );
        return (
          `<rect x="${short(left + thick / 2)}" y="${short(top + thick / 2)}" width="${short(width ?? 0)}" ` +
          `height="${short(height ?? 0)}" fill="${fill}" stroke="${hexCode(line)}" stroke-width="${short(thick)}"/>`
        );
      };
      if (mark >= wall) return [square(mark, picture.accent, hexCode(tint))];
      const bordered = square(wall, border, hexCode(tint));
      return mark > 0 ? [bordered, square(mark, picture.accent, 'none')] : [bordered];
    },
  );
}
