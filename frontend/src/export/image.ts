import type { Size } from '../base/size';
import { escapeXml, short } from '../render/text';
import type { Box, Layer } from './layers';

/** A picture on its own: a sheet of layers, as an SVG document or as a PNG. */
export interface Sheet extends Size {
  readonly title: string;
  /** Behind everything, a colour code. */
  readonly surface: string;
  readonly layers: readonly Layer[];
}

export function svgOf(sheet: Sheet): string {
  const layers = sheet.layers.map(shapesOf);
  return documentOf(sheet, [
    `<title>${escapeXml(sheet.title)}</title>\n`,
    `<rect width="100%" height="100%" fill="${sheet.surface}"/>\n`,
    ...layers,
  ]);
}

/** What is drawn of the page is taken at once; the rest takes a while.
 * @param ratio pixels per css pixel */
export async function pngOf(sheet: Sheet, ratio: number): Promise<Blob> {
  const stills = sheet.layers.map((layer) => stillOf(layer, ratio));
  const canvas = new OffscreenCanvas(Math.round(sheet.width * ratio), Math.round(sheet.height * ratio));
  const context = canvas.getContext('2d');
  if (!context)
    throw new Error('This browser cannot make a picture of this size: take a smaller one, or SVG.');
  context.fillStyle = sheet.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(ratio, ratio);
  for (const still of stills) {
    if ('svg' in still) {
      context.drawImage(await drawn(documentOf(sheet, [still.svg], ratio)), 0, 0, sheet.width, sheet.height);
      continue;
    }
    context.globalAlpha = still.opacity;
    context.drawImage(still.pixels, still.x, still.y, still.width, still.height);
    context.globalAlpha = 1;
  }
  return canvas.convertToBlob({ type: 'image/png' });
}

function shapesOf(layer: Layer): string {
  if ('svg' in layer) return layer.svg;
  const faint = layer.opacity < 1 ? ` opacity="${short(layer.opacity)}"` : '';
  return `<g transform="translate(${short(layer.x)} ${short(layer.y)})"${faint}>${layer.canvas.svg()}</g>\n`;
}

/** A layer that the page changes no more. */
type Still =
  | { readonly svg: string }
  | (Box & { readonly pixels: OffscreenCanvas; readonly opacity: number });

function stillOf(layer: Layer, ratio: number): Still {
  const source = 'canvas' in layer ? (layer.canvas.pixels?.(ratio) ?? null) : null;
  if ('svg' in layer || !source) return { svg: shapesOf(layer) };
  if (source instanceof OffscreenCanvas) return { ...layer, pixels: source };
  const { width, height } = source;
  const pixels = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  if (width * height > 0) pixels.getContext('2d')?.drawImage(source, 0, 0);
  return { ...layer, pixels };
}

function documentOf({ width, height }: Size, parts: readonly string[], ratio = 1): string {
  const [w, h] = [short(width), short(height)];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width * ratio)}" height="${short(height * ratio)}" ` +
    `viewBox="0 0 ${w} ${h}">\n${parts.join('')}</svg>\n`
  );
}

async function drawn(svg: string): Promise<HTMLImageElement> {
  const image = new Image();
  // Not a blob: an address of data needs no leave from any content policy that allows pictures of the page's own.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}
