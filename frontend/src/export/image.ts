import type { Size } from '../base/size';
import { escapeXml, short } from '../render/text';
import type { Layer } from './layers';

/** A picture on its own: a sheet of layers, as an SVG document or as a PNG. */
export interface Sheet extends Size {
  readonly title: string;
  /** Behind everything, a colour code. */
  readonly surface: string;
  readonly layers: readonly Layer[];
}

export function svgOf(sheet: Sheet): string {
  const layers = sheet.layers.map((layer) => {
    if ('svg' in layer) return layer.svg;
    const faint = layer.opacity < 1 ? ` opacity="${short(layer.opacity)}"` : '';
    return `<g transform="translate(${short(layer.x)} ${short(layer.y)})"${faint}>${layer.canvas.svg()}</g>\n`;
  });
  return documentOf(sheet, [
    `<title>${escapeXml(sheet.title)}</title>\n`,
    `<rect width="100%" height="100%" fill="${sheet.surface}"/>\n`,
    ...layers,
  ]);
}

/** @param ratio pixels per css pixel */
export async function pngOf(sheet: Sheet, ratio: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(Math.round(sheet.width * ratio), Math.round(sheet.height * ratio));
  const context = canvas.getContext('2d');
  if (!context)
    throw new Error('This browser cannot make a picture of this size: take a smaller one, or SVG.');
  context.fillStyle = sheet.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(ratio, ratio);
  for (const layer of sheet.layers) {
    const canvasPixels = 'canvas' in layer ? (layer.canvas.pixels?.(ratio) ?? null) : null;
    if ('canvas' in layer && canvasPixels) {
      context.globalAlpha = layer.opacity;
      context.drawImage(canvasPixels, layer.x, layer.y, layer.width, layer.height);
      context.globalAlpha = 1;
      continue;
    }
    const shapes =
      'svg' in layer
        ? layer.svg
        : `<g transform="translate(${layer.x} ${layer.y})" opacity="${layer.opacity}">${layer.canvas.svg()}</g>`;
    context.drawImage(await drawn(documentOf(sheet, [shapes], ratio)), 0, 0, sheet.width, sheet.height);
  }
  return canvas.convertToBlob({ type: 'image/png' });
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
