export { short } from './svg_ink';
/** Text of SVG documents. */

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd'); // what XML cannot hold
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
  let length = text.length - 1;
  while (length > 0 && measure(`${text.slice(0, length)}…`, font).width > room) length--;
  return `${text.slice(0, length)}…`;
}
