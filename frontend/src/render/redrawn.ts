/** Canvases that can be drawn again: as shapes, or with more pixels than the screen has. */
export interface Redrawn {
  /** An SVG element, as large as the canvas in css pixels. */
  svg(): string;
  /** So many device pixels per css pixel; where there is none, the shapes are drawn. */
  pixels?(ratio: number): OffscreenCanvas | HTMLCanvasElement | null;
}

const known = new WeakMap<Element, Redrawn>();

/** Says how a canvas is drawn again. */
export function redraws(canvas: HTMLCanvasElement, how: Redrawn): void {
  known.set(canvas, how);
}

/** A canvas that nobody knows how to draw again keeps the pixels that it has. */
export function redrawnOf(canvas: HTMLCanvasElement): Redrawn {
  const how = known.get(canvas);
  if (how) return how;
  const { clientWidth, clientHeight } = canvas;
  return {
    svg: () => `<image width="${clientWidth}" height="${clientHeight}" href="${canvas.toDataURL()}"/>`,
    pixels: () => canvas,
  };
}
