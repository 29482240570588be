import { noise } from '../base/noise';
import type { Sequence } from '../run/types';

/** Made-up images: a disc of one hue before a gradient of another. */

const SIDE = 48; // pixels
const PATCHES = 6; // along a side

export function syntheticImage(number: number): Sequence {
  const places = Array.from(
    { length: PATCHES * PATCHES },
    (_, i) => [Math.floor(i / PATCHES), i % PATCHES] as const,
  );
  const hues = Array.from({ length: places.length }, (_, i) => Math.round(hueOf(number) + 4 * i) % 360);
  return {
    kind: 'image',
    tokens: ['[CLS]', ...places.map(([row, column]) => `r${row}c${column}`)],
    repeat: null,
    labels: {
      row: [Number.NaN, ...places.map(([row]) => row)],
      column: [Number.NaN, ...places.map(([, column]) => column)],
      hue: [Number.NaN, ...hues],
    },
    grid: { rows: PATCHES, columns: PATCHES },
    places: [null, ...places],
    image: { width: SIDE, height: SIDE },
  };
}

export async function syntheticPicture(number: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot draw the images.');
  const ground = context.createLinearGradient(0, 0, SIDE, SIDE);
  ground.addColorStop(0, `hsl(${hueOf(number)} 60% 30%)`);
  ground.addColorStop(1, `hsl(${hueOf(number) + 140} 60% 70%)`);
  context.fillStyle = ground;
  context.fillRect(0, 0, SIDE, SIDE);
  context.fillStyle = `hsl(${hueOf(number) + 220} 80% 55%)`;
  context.beginPath();
  context.arc(SIDE * (0.3 + 0.4 * noise(number, 2)), SIDE * (0.3 + 0.4 * noise(number, 3)), SIDE / 5, 0, 7);
  context.fill();
  return canvas.convertToBlob();
}

function hueOf(number: number): number {
  return 360 * noise(number, 1);
}
