import { type Redrawn, redrawnOf } from '../render/redrawn';
import { escapeXml, type Font, fitted, measure, short } from '../render/text';
import { painted, stopsOf } from './paint';
import { shapesOf } from './shapes';

/** What is on screen, from the back to the front: shapes as SVG, and between them canvases. */
export type Layer = { readonly svg: string } | (Box & { readonly canvas: Redrawn; readonly opacity: number });

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Controls are no part of a picture; content that happens to be a control says so. */
const CONTROLS =
  'button:not([data-content]), select, input, label:has(select, input), [popover], [role=tooltip], [data-screen-only]';

interface Around {
  readonly opacity: number;
  readonly clip: Box | null;
}

/** Reads an element as the browser has laid it out.
 * @param origin what (0, 0) of the layers is on the page */
export function layersOf(root: Element, origin: { readonly x: number; readonly y: number }): Layer[] {
  return new Reader(origin).read(root);
}

class Reader {
  private readonly layers: Layer[] = [];
  private text = '';
  private gradients = 0;

  constructor(private readonly origin: { readonly x: number; readonly y: number }) {}

  read(root: Element): Layer[] {
    this.element(root, { opacity: 1, clip: null });
    this.flush();
    return this.layers;
  }

  private element(element: Element, around: Around): void {
    const style = getComputedStyle(element);
    // Cut to nothing: words that are for screen readers only.
    if (style.display === 'none' || style.opacity === '0' || style.clipPath.startsWith('inset')) return;
    if (element.matches(CONTROLS)) return;
    const box = this.place(element.getBoundingClientRect());
    const opacity = around.opacity * Number(style.opacity);
    if (element instanceof SVGSVGElement) {
      this.leaf(shapesOf(element, box), box, { ...around, opacity });
      return;
    }
    if (element instanceof HTMLCanvasElement) {
      if (box.width * box.height === 0) return;
      this.flush();
      this.layers.push({ ...box, canvas: redrawnOf(element), opacity });
      return;
    }
    if (style.visibility !== 'hidden') this.frame(style, box, { ...around, opacity });
    const within = { opacity, clip: style.overflow === 'visible' ? around.clip : cut(around.clip, box) };
    for (const child of element.childNodes) {
      if (child instanceof Element) this.element(child, within);
      else if (child instanceof Text && style.visibility !== 'hidden') this.words(child, style, box, within);
    }
  }

  /** Background and borders. */
  private frame(style: CSSStyleDeclaration, box: Box, around: Around): void {
    const radius = Number.parseFloat(style.borderTopLeftRadius) || 0;
    const stops = stopsOf(style.backgroundImage);
    let fill = painted('fill', style.backgroundColor);
    if (stops.length > 1) {
      const id = `ramp${Math.round(box.x)}-${Math.round(box.y)}-${++this.gradients}`;
      const marks = stops.map((css, i) => {
        const paint = painted('fill', css)
          .replace('fill=', 'stop-color=')
          .replace('fill-opacity', 'stop-opacity');
        return `<stop offset="${short(i / (stops.length - 1))}" ${paint}/>`;
      });
      this.text += `<linearGradient id="${id}">${marks.join('')}</linearGradient>`;
      fill = `fill="url(#${id})"`;
    }
    if (fill !== 'fill="none"') this.leaf(rect(box, 0, radius, fill), box, around);
    const sides = (['Top', 'Right', 'Bottom', 'Left'] as const).map((side) => ({
      width: style[`border${side}Style`] === 'none' ? 0 : Number.parseFloat(style[`border${side}Width`]),
      paint: painted('stroke', style[`border${side}Color`]),
    }));
    const [first] = sides;
    if (first && first.width > 0 && sides.every(({ width }) => width === first.width)) {
      this.leaf(
        rect(box, first.width / 2, radius, `fill="none" ${first.paint} stroke-width="${first.width}"`),
        box,
        around,
      );
    } else {
      const { x, y, width: w, height: h } = box;
      const lines = [`M${short(x)} ${short(y)}h${short(w)}`, `M${short(x + w)} ${short(y)}v${short(h)}`];
      lines.push(`M${short(x)} ${short(y + h)}h${short(w)}`, `M${short(x)} ${short(y)}v${short(h)}`);
      sides.forEach(({ width, paint }, i) => {
        if (width > 0 && paint !== 'stroke="none"')
          this.leaf(`<path d="${lines[i]}" ${paint} stroke-width="${width}"/>`, box, around);
      });
    }
    // An inner shadow without blur is a frame: "rgb(…) 0px 0px 0px 1.5px inset".
    const inner = /^(.*\)) 0px 0px 0px ([\d.]+)px inset$/.exec(style.boxShadow);
    if (inner?.[1] && inner[2]) {
      const line = `fill="none" ${painted('stroke', inner[1])} stroke-width="${inner[2]}"`;
      this.leaf(rect(box, Number(inner[2]) / 2, radius, line), box, around);
    }
  }

  /** A text node, line by line. */
  private words(node: Text, style: CSSStyleDeclaration, parent: Box, around: Around): void {
    for (const { text, box } of linesOf(node)) {
      const place = this.place(box);
      const font: Font = {
        family: style.fontFamily,
        size: Number.parseFloat(style.fontSize),
        weight: style.fontWeight,
        style: style.fontStyle,
      };
      const shown =
        style.textOverflow === 'ellipsis' ? fitted(text, font, parent.x + parent.width - place.x) : text;
      const { ascent, descent } = measure(shown, font);
      const baseline = place.y + (place.height - ascent - descent) / 2 + ascent;
      const halo = style.textShadow === 'none' ? '' : /(rgba?|color)\([^)]*\)/.exec(style.textShadow)?.[0];
      const attributes = [
        `x="${short(place.x)}" y="${short(baseline)}"`,
        `font-family="${escapeXml(font.family)}" font-size="${font.size}"`,
        font.weight === '400' ? '' : `font-weight="${font.weight}"`,
        painted('fill', style.color),
        style.textDecorationLine === 'none' ? '' : `text-decoration="${style.textDecorationLine}"`,
        halo
          ? `${painted('stroke', halo, 0.85)} stroke-width="3" stroke-linejoin="round" paint-order="stroke"`
          : '',
        'xml:space="preserve"',
      ].filter(Boolean);
      this.leaf(`<text ${attributes.join(' ')}>${escapeXml(shown)}</text>`, place, around);
    }
  }

  private leaf(svg: string, box: Box, { opacity, clip }: Around): void {
    if (svg === '' || (clip && !touches(box, clip))) return;
    const faint = opacity < 1 ? ` opacity="${short(opacity)}"` : '';
    if (clip && !holds(clip, box)) {
      const { x, y, width, height } = clip;
      // A view of its own cuts what lies outside it, without a name that could clash with another one.
      const view = [x, y, width, height].map(short).join(' ');
      this.text += `<svg x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" viewBox="${view}"${faint}>${svg}</svg>\n`;
    } else this.text += faint ? `<g${faint}>${svg}</g>\n` : `${svg}\n`;
  }

  private place({ x, y, width, height }: Box): Box {
    return { x: x - this.origin.x, y: y - this.origin.y, width, height };
  }

  private flush(): void {
    if (this.text !== '') this.layers.push({ svg: this.text });
    this.text = '';
  }
}

/** The lines of a text node as they are broken on screen. */
function linesOf(node: Text): { text: string; box: Box }[] {
  const whole = node.data.trim();
  if (whole === '') return [];
  const range = document.createRange();
  range.selectNodeContents(node);
  const boxes = [...range.getClientRects()].filter(({ width }) => width > 0);
  const [first] = boxes;
  if (!first) return [];
  if (boxes.every(({ top }) => top === first.top)) {
    const start = node.data.indexOf(whole);
    range.setStart(node, start);
    range.setEnd(node, start + whole.length);
    return [{ text: whole.replace(/\s+/g, ' '), box: range.getBoundingClientRect() }];
  }
  const lines: { text: string; box: DOMRect }[] = [];
  for (const { index, 0: word } of node.data.matchAll(/\S+\s*/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.trimEnd().length);
    const box = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (last && Math.abs(last.box.top - box.top) < 2) last.text += ` ${word.trimEnd()}`;
    else lines.push({ text: word.trimEnd(), box });
  }
  return lines;
}

function rect({ x, y, width, height }: Box, inset: number, radius: number, rest: string): string {
  const [w, h] = [Math.max(0, width - 2 * inset), Math.max(0, height - 2 * inset)];
  const round = radius > 0 ? ` rx="${short(Math.max(0, radius - inset))}"` : '';
  return `<rect x="${short(x + inset)}" y="${short(y + inset)}" width="${short(w)}" height="${short(h)}"${round} ${rest}/>`;
}

function cut(a: Box | null, b: Box): Box {
  if (!a) return b;
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const right = Math.min(a.x + a.width, b.x + b.width);
  const bottom = Math.min(a.y + a.height, b.y + b.height);
  return { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) };
}

function touches(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function holds(outer: Box, inner: Box): boolean {
  return (
    inner.x >= outer.x - 0.5 &&
    inner.y >= outer.y - 0.5 &&
    inner.x + inner.width <= outer.x + outer.width + 0.5 &&
    inner.y + inner.height <= outer.y + outer.height + 0.5
  );
}
