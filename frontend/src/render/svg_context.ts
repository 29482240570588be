import { escapeXml, short } from './text';

/** What of a canvas's context the heat map draws with. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'beginPath'
  | 'clearRect'
  | 'clip'
  | 'drawImage'
  | 'fillRect'
  | 'fillStyle'
  | 'fillText'
  | 'font'
  | 'globalAlpha'
  | 'imageSmoothingEnabled'
  | 'lineWidth'
  | 'measureText'
  | 'rect'
  | 'restore'
  | 'rotate'
  | 'save'
  | 'strokeRect'
  | 'strokeStyle'
  | 'textAlign'
  | 'textBaseline'
  | 'translate'
>;
type Style = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle'
  | 'font'
  | 'globalAlpha'
  | 'imageSmoothingEnabled'
  | 'lineWidth'
  | 'strokeStyle'
  | 'textAlign'
  | 'textBaseline'
>;

const ANCHORS: Readonly<Record<string, string>> = { right: 'end', end: 'end', center: 'middle' };
let clips = 0;

/** A pen that writes SVG instead of setting pixels. Each move and each clip opens a group, which `restore` closes. */
export class SvgPen implements Pen {
  fillStyle: Style['fillStyle'] = '#000000';
  strokeStyle: Style['strokeStyle'] = '#000000';
  font = '10px sans-serif';
  globalAlpha = 1;
  imageSmoothingEnabled = true;
  lineWidth = 1;
  textAlign: CanvasTextAlign = 'start';
  textBaseline: CanvasTextBaseline = 'alphabetic';
  private text = '';
  private open = 0;
  private path = '';
  private readonly saved: (Style & { open: number })[] = [];

  /** @param ruler measures text */
  constructor(private readonly ruler: Pick<CanvasRenderingContext2D, 'font' | 'measureText'>) {}

  get svg(): string {
    return this.text;
  }

  save(): void {
    const { fillStyle, strokeStyle, font, globalAlpha, imageSmoothingEnabled } = this;
    const { lineWidth, textAlign, textBaseline, open } = this;
    const style = { fillStyle, strokeStyle, font, globalAlpha, imageSmoothingEnabled };
    this.saved.push({ ...style, lineWidth, textAlign, textBaseline, open });
    this.open = 0;
  }

  restore(): void {
    const style = this.saved.pop();
    if (!style) return;
    this.text += '</g>'.repeat(this.open);
    Object.assign(this, style);
  }

  translate(x: number, y: number): void {
    this.group(`transform="translate(${short(x)} ${short(y)})"`);
  }

  rotate(angle: number): void {
    this.group(`transform="rotate(${short((angle * 180) / Math.PI)})"`);
  }

  beginPath(): void {
    this.path = '';
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.path += `<rect ${sides(x, y, width, height)}/>`;
  }

  clip(): void {
    const id = `cut${++clips}`;
    this.text += `<clipPath id="${id}">${this.path}</clipPath>`;
    this.group(`clip-path="url(#${id})"`);
  }

  clearRect(): void {
    // A new sheet is clear.
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    this.text += `<rect ${sides(x, y, width, height)} ${this.paint('fill')}/>\n`;
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.text += `<rect ${sides(x, y, width, height)} fill="none" ${this.paint('stroke')} stroke-width="${this.lineWidth}"/>\n`;
  }

  fillText(text: string, x: number, y: number): void {
    const [, weight = '', size = '10', family = ''] = /^(\d+ )?([\d.]+)px (.*)$/.exec(this.font) ?? [];
    const { ascent, descent } = this.reach();
    const down = this.textBaseline === 'middle' ? (ascent - descent) / 2 : 0;
    const anchor = ANCHORS[this.textAlign];
    this.text +=
      `<text x="${short(x)}" y="${short(y + down)}" font-family="${escapeXml(family)}" font-size="${size}"` +
      `${weight ? ` font-weight="${weight.trim()}"` : ''}${anchor ? ` text-anchor="${anchor}"` : ''} ` +
      `${this.paint('fill')}>${escapeXml(text)}</text>\n`;
  }

  measureText(text: string): TextMetrics {
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }

  /** @param image is embedded: a pixel of it becomes a square */
  drawImage(image: CanvasImageSource, x: number, y: number, width?: number, height?: number): void {
    if (!(image instanceof OffscreenCanvas) || width === undefined || height === undefined) return;
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    const crisp = this.imageSmoothingEnabled ? '' : ' style="image-rendering:pixelated"';
    this.text += `<image ${sides(x, y, width, height)} preserveAspectRatio="none"${crisp} href="${canvas.toDataURL()}"/>\n`;
  }

  private reach(): { ascent: number; descent: number } {
    // "middle" of a canvas is the middle of the em square.
    this.ruler.font = this.font;
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = this.ruler.measureText('x');
    return { ascent, descent };
  }

  private group(attributes: string): void {
    this.text += `<g ${attributes}>`;
    this.open++;
  }

  /** Eight digits of a colour are six and an opacity. */
  private paint(what: 'fill' | 'stroke'): string {
    const code = String(what === 'fill' ? this.fillStyle : this.strokeStyle);
    const share = code.length === 9 ? Number.parseInt(code.slice(7), 16) / 255 : 1;
    const opacity = share * this.globalAlpha;
    return `${what}="${code.slice(0, 7)}"${opacity < 1 ? ` ${what}-opacity="${short(opacity)}"` : ''}`;
  }
}

function sides(x: number, y: number, width: number, height: number): string {
  return `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
}
