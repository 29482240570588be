import type { Size } from '../base/size';
import { type Camera, toWorld } from './camera';

/** What a camera looks at, whatever the size of its canvas: a link shows the same on another screen. */
export interface Framing {
  /** The place of the world in the middle of the view. */
  readonly x: number;
  readonly y: number;
  /** Times as large as when all of the world is seen. */
  readonly zoom: number;
}

/** @param whole the camera that sees all of the world */
export function framingOf(camera: Camera, whole: Camera, { width, height }: Size): Framing {
  const [x, y] = toWorld(camera, width / 2, height / 2);
  return { x, y, zoom: camera.scale / whole.scale };
}

export function cameraAt({ x, y, zoom }: Framing, whole: Camera, { width, height }: Size): Camera {
  const scale = zoom * whole.scale;
  return { scale, x: width / 2 - x * scale, y: height / 2 - y * scale };
}
