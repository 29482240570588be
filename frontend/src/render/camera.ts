import type { Size } from '../base/size';
/** The 2-D view onto the world: css pixel = world · scale + offset. */
export interface Camera {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** The same in terms that outlive a change of the room: what stands in its middle, in world units, and how many of
 * them fit across its shorter side. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly span: number;
}

/** Free room around the world, in css pixels. */
export interface Margins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** All of a world of the given size, as large as it fits, in the middle of what the margins leave. */
export function overview(world: Size, viewport: Size, margins: Margins): Camera {
  const width = Math.max(1, viewport.width - margins.left - margins.right);
  const height = Math.max(1, viewport.height - margins.top - margins.bottom);
  const scale = Math.min(width / world.width, height / world.height);
  return {
    scale,
    x: margins.left + (width - scale * world.width) / 2,
    y: margins.top + (height - scale * world.height) / 2,
  };
}

/** Zooms so that what lies under (px, py) stays there. */
export function zoomAt(
  camera: Camera,
  px: number,
  py: number,
  factor: number,
  limits: readonly [number, number],
): Camera {
  const scale = Math.min(limits[1], Math.max(limits[0], camera.scale * factor));
  const ratio = scale / camera.scale;
  return { scale, x: px - (px - camera.x) * ratio, y: py - (py - camera.y) * ratio };
}

export function pan(camera: Camera, dx: number, dy: number): Camera {
  return { scale: camera.scale, x: camera.x + dx, y: camera.y + dy };
}

/** Keeps the world in the picture: an axis that fits is centred, one that does not has no empty rim. */
export function hold(camera: Camera, world: Size, viewport: Size, margins: Margins): Camera {
  const along = (offset: number, size: number, room: number, before: number, after: number) => {
    const free = room - before - after;
    const extent = size * camera.scale;
    if (extent <= free) return before + (free - extent) / 2;
    return Math.min(before, Math.max(room - after - extent, offset));
  };
  return {
    scale: camera.scale,
    x: along(camera.x, world.width, viewport.width, margins.left, margins.right),
    y: along(camera.y, world.height, viewport.height, margins.top, margins.bottom),
  };
}

export function toWorld(camera: Camera, px: number, py: number): readonly [number, number] {
  return [(px - camera.x) / camera.scale, (py - camera.y) / camera.scale];
}

export function toScreen(camera: Camera, x: number, y: number): readonly [number, number] {
  return [camera.x + x * camera.scale, camera.y + y * camera.scale];
}

/** The least move that brings the rectangle fully into the part of the viewport inside the margins. */
export function reveal(
  camera: Camera,
  rect: { readonly x: number; readonly y: number; readonly side: number },
  viewport: Size,
  margins: Margins,
): Camera {
  const shift = (low: number, side: number, before: number, room: number) => {
    if (low < before) return before - low;
    return Math.min(0, Math.max(before - low, room - (low + side)));
  };
  const [left, top] = toScreen(camera, rect.x, rect.y);
  const side = rect.side * camera.scale;
  return pan(
    camera,
    shift(left, side, margins.left, viewport.width - margins.right),
    shift(top, side, margins.top, viewport.height - margins.bottom),
  );
}

export function viewOf(camera: Camera, { width, height }: Size): View {
  const [x, y] = toWorld(camera, width / 2, height / 2);
  return { x, y, span: Math.max(1, Math.min(width, height)) / camera.scale };
}

export function cameraOf({ x, y, span }: View, { width, height }: Size): Camera {
  const scale = Math.max(1, Math.min(width, height)) / span;
  return { scale, x: width / 2 - x * scale, y: height / 2 - y * scale };
}

/** On the way from one view to another: what both show keeps its course while the span changes evenly to the eye.
 * @param share of the way, in [0, 1] */
export function fly(from: View, to: View, share: number): View {
  const span = from.span * (to.span / from.span) ** share;
  const even = Math.abs(to.span / from.span - 1) < 1e-6;
  const way = even ? share : (span - from.span) / (to.span - from.span);
  return { x: from.x + way * (to.x - from.x), y: from.y + way * (to.y - from.y), span };
}

/** The camera to which one square of the world is the whole world. */
export function within(
  camera: Camera,
  { x, y, side }: { readonly x: number; readonly y: number; readonly side: number },
): Camera {
  const [left, top] = toScreen(camera, x, y);
  return { scale: camera.scale * side, x: left, y: top };
}
