import type { Camera } from './camera';

/** Left, top and side of a head's cell, css pixels. @param cells left, top, side of each, in world units [heads, 4] */
export function squareOf(
  cells: Float32Array,
  head: number,
  camera: Camera,
): readonly [number, number, number] {
  const [left = 0, top = 0, side = 0] = cells.subarray(4 * head, 4 * head + 3);
  return [left * camera.scale + camera.x, top * camera.scale + camera.y, side * camera.scale];
}

export function faint(what: 'fill' | 'stroke', opacity: number): string {
  return opacity === 1 ? '' : ` ${what}-opacity="${short(opacity)}"`;
}

/** A hundredth of a pixel is nothing that anybody sees. */
export function short(value: number): string {
  return String(Math.round(100 * value) / 100);
}
