import { visible } from '../base/visible';

export { short } from './svg_ink';
/** Text of SVG documents. */

/** What XML cannot hold is written out. */
export function escapeXml(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export interface Font {
  readonly family: string;
  /** Css pixels. */
  readonly size: number;
  readonly weight: string;
  readonly style: string;
}

const context = () => new OffscreenCanvas(1, 1).getContext('2d');
let held: OffscreenCanvasRenderingContext2D | null = null;

/** @returns width, and how far the font reaches above and below its baseline, css pixels */
export function measure(text: string, font: Font): { width: number; ascent: number; descent: number } {
  held ??= context();
  if (!held)
    return { width: 0.5 * font.size * text.length, ascent: 0.9 * font.size, descent: 0.25 * font.size };
  held.font = `${font.style} ${font.weight} ${font.size}px ${font.family}`;
  const { width, fontBoundingBoxAscent, fontBoundingBoxDescent } = held.measureText(text);
  return { width, ascent: fontBoundingBoxAscent, descent: fontBoundingBoxDescent };
}

/** The text, with an ellipsis where it is wider than its room. */
export function fitted(text: string, font: Font, room: number): string {
  if (measure(text, font).width <= room + 0.5) return text;
  const characters = [...text]; // never half of one
  do characters.pop();
  while (characters.length > 0 && measure(`${characters.join('')}…`, font).width > room);
  return `${characters.join('')}…`;
}
