import type { Box } from './packing';

/** Images that are looked at, and pixels of a side of each: enough to tell a dark one from one that shows something. */
const MOST = 64;
const SIDE = 16;

/** The number of the image with the most contrast; 0 where there is none. */
export function clearest(canvas: CanvasImageSource, boxes: readonly (Box | null)[]): number {
  const small = new OffscreenCanvas(SIDE, SIDE).getContext('2d', { willReadFrequently: true });
  if (!small) return 0;
  let best = { number: 0, contrast: -1 };
  boxes.slice(0, MOST).forEach((box, number) => {
    if (!box) return;
    small.drawImage(canvas, box.left, box.top, box.width, box.height, 0, 0, SIDE, SIDE);
    const contrast = contrastOf(small.getImageData(0, 0, SIDE, SIDE).data);
    if (contrast > best.contrast) best = { number, contrast };
  });
  return best.number;
}

/** The standard deviation of brightness (Rec. 709), from 0 to 127.5.
 * @param pixels RGBA bytes */
export function contrastOf(pixels: ArrayLike<number>): number {
  const count = pixels.length / 4;
  let [sum, squares] = [0, 0];
  for (let at = 0; at < pixels.length; at += 4) {
    const [red = 0, green = 0, blue = 0] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    const brightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    sum += brightness;
    squares += brightness ** 2;
  }
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
