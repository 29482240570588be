import type { Atlas } from '../atlas/atlas';
import { percent, signedPercent } from '../attention/weights';
import { heatColours } from '../reading/heat';
import { css, LIGHT, ramp } from '../render/colours';
import type { Rgb } from '../render/picture';
import type { Patches } from '../run/grids';
import type { Shade } from './image_view.svelte';

/** An image with attention over it, on a 2-D canvas. */

type Context = CanvasRenderingContext2D;

/** How much of the image shows through the colours, where attention is strongest and where there is none. */
const THROUGH = { least: 0.2, most: 0.5 } as const;
/** How much of it is left in the fading, where there is none. */
const FADED = 0.06;

/** The heat's colours are the same on light and dark pages: what they lie on is the image. */
export function heat(share: number): string {
  return css(ramp(LIGHT.ramp, share));
}

/** The mean of some images of the atlas over the whole canvas. */
export function paintImage(context: Context, { canvas, boxes }: Atlas, numbers: readonly number[]): void {
  const { width, height } = context.canvas;
  const chosen = numbers.flatMap((number) => boxes[number] ?? []);
  chosen.forEach((box, i) => {
    context.globalAlpha = 1 / (i + 1); // each over the mean of those before it
    context.imageSmoothingEnabled = box.width > width; // enlarged pixels stay squares
    context.drawImage(canvas, box.left, box.top, box.width, box.height, 0, 0, width, height);
  });
  context.globalAlpha = 1;
}

/** What the colours over the image tell, with the numbers at their ends.
 * @param most the weight where they end */
export function shadeLegend(most: number, signed: boolean, dark: boolean) {
  const { less, more } = heatColours(dark);
  const colours = signed ? [css(less), 'transparent', css(more)] : [0, 0.25, 0.5, 0.75, 1].map(heat);
  return {
    title: signed ? 'Shown minus pinned, over the patches' : 'Weights over the patches',
    gradient: `linear-gradient(90deg, ${colours.join(', ')})`,
    low: signed ? signedPercent(-most) : '0',
    high: signed ? signedPercent(most) : percent(most),
  };
}

interface Laid {
  readonly patches: Patches;
  /** Of each token. */
  readonly weights: Float32Array;
  /** Where colours end. */
  readonly most: number;
  readonly signed: boolean;
}

/** @param surface what the image fades to */
export function paintAttention(
  context: Context,
  { patches, weights, most, signed }: Laid,
  shade: Exclude<Shade, 'none'>,
  { surface, dark }: { readonly surface: Rgb; readonly dark: boolean },
): void {
  const { width, height } = context.canvas;
  const { rows, columns } = patches.grid;
  const edge = (place: number, count: number, length: number) => Math.round((place * length) / count);
  if (shade === 'colour' || signed) {
    context.globalCompositeOperation = 'saturation';
    context.fillStyle = '#808080';
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = 'source-over';
  }
  const { less, more } = heatColours(dark);
  patches.places.forEach((place, token) => {
    if (!place) return;
    const weight = weights[token] ?? 0;
    const share = most > 0 ? Math.min(1, Math.abs(weight) / most) : 0;
    if (signed) {
      context.fillStyle = css(weight < 0 ? less : more);
      context.globalAlpha = (1 - THROUGH.least) * share;
    } else if (shade === 'fade') {
      context.fillStyle = css(surface);
      context.globalAlpha = (1 - FADED) * (1 - share);
    } else {
      context.fillStyle = heat(share);
      context.globalAlpha = 1 - THROUGH.most + (THROUGH.most - THROUGH.least) * share;
    }
    const [left, top] = [edge(place[1], columns, width), edge(place[0], rows, height)];
    const [right, bottom] = [edge(place[1] + 1, columns, width), edge(place[0] + 1, rows, height)];
    context.fillRect(left, top, right - left, bottom - top);
  });
  context.globalAlpha = 1;
}
