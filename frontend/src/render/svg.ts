import type { Size } from '../base/size';
import type { Picture } from './picture';
import { cellShapes } from './svg_cells';
import { short } from './svg_ink';
import { mapShapes } from './svg_maps';
import { patchDefinitions } from './svg_patches';
import { ghostShapes, pointShapes } from './svg_points';
import { trailShapes } from './svg_trails';

/** A picture as shapes, drawn as the shaders draw it: the same places, sizes, opacities and order.
 * @param ratio device pixels per css pixel: what is a pixel wide on screen is as wide here
 * @returns an `<svg>` element of `size` css pixels, to be put into another one */
export function pictureSvg(picture: Picture, size: Size, ratio = 1): string {
  return [
    `<svg width="${short(size.width)}" height="${short(size.height)}">`,
    ...(picture.patches ? [patchDefinitions(picture.patches)] : []),
    ...cellShapes(picture, size, ratio),
    ...mapShapes(picture, size, ratio),
    ...ghostShapes(picture, size, ratio),
    ...trailShapes(picture),
    ...pointShapes(picture, size, ratio),
    '</svg>',
  ].join('\n');
}
