import type { DataSource } from '../api/source';
import type { Sequence } from '../api/types';
import { type Packing, pack } from './packing';

/** All images of a probe, in one canvas: 64 MiB at most, however many and large they are. */
export interface Atlas extends Packing {
  readonly canvas: HTMLCanvasElement;
}

/** Of more images only the first ones are fetched and shown. */
const MOST_IMAGES = 512;
const AT_ONCE = 6;

/** @returns null where the probe has no pictures */
export async function makeAtlas(
  source: Pick<DataSource, 'image'>,
  run: string,
  sequences: readonly Sequence[],
  signal: AbortSignal,
): Promise<Atlas | null> {
  const wanted = sequences.flatMap(({ image }, number) => (image ? [number] : [])).slice(0, MOST_IMAGES);
  if (wanted.length === 0) return null;
  const chosen = new Set(wanted);
  const packing = pack(sequences.map(({ image }, number) => (image && chosen.has(number) ? image : null)));
  const canvas = document.createElement('canvas');
  canvas.width = packing.width;
  canvas.height = packing.height;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (!context) throw new Error('This browser cannot draw the images.');
  const waiting = [...wanted];
  const draw = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const bitmap = await createImageBitmap(await source.image(run, number, signal));
      const box = packing.boxes[number];
      if (box) context.drawImage(bitmap, box.left, box.top, box.width, box.height);
      bitmap.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, draw));
  return { ...packing, canvas };
}
