import type { DataSource } from '../run/source';
import { type Packing, pack } from './packing';
import type { ProbeImage } from './probe_images';

/** All images of a probe, in one canvas: 64 MiB at most, however many and large they are. */
export interface Atlas extends Packing {
  readonly canvas: HTMLCanvasElement;
}

/** Of more images only the first ones are fetched and shown. */
const MOST_IMAGES = 512;
const AT_ONCE = 6;

/** @returns null where the probe has no images */
export async function makeAtlas(
  source: Pick<DataSource, 'image'>,
  run: string,
  images: readonly (ProbeImage | null)[],
  signal: AbortSignal,
): Promise<Atlas | null> {
  const waiting = images.flatMap((image, number) => (image ? [{ number, ...image }] : []));
  waiting.splice(MOST_IMAGES);
  if (waiting.length === 0) return null;
  const chosen = new Set(waiting.map(({ number }) => number));
  const packing = pack(images.map((image, number) => (chosen.has(number) ? image : null)));
  const canvas = document.createElement('canvas');
  canvas.width = packing.width;
  canvas.height = packing.height;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (!context) throw new Error('This browser cannot draw the images.');
  const draw = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { number, sequence, side } = next;
      const bitmap = await createImageBitmap(await source.image(run, sequence, side, signal));
      const box = packing.boxes[number];
      if (box) context.drawImage(bitmap, box.left, box.top, box.width, box.height);
      bitmap.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, draw));
  return { ...packing, canvas };
}
