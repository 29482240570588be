import { escapeXml, type Font, fitted, measure, short } from '../render/text';
import { type Caption, type Captioned, captionOf } from './caption';
import type { Exhibit } from './exhibits.svelte';
import type { Sheet } from './image';
import { type Layer, layersOf } from './layers';
import { paintOf } from './paint';

const PAD = 12;
const LINE = 22;
const GAP = 14;

/** A view as a sheet of its own: what is written above it, its legends, and itself as it is on screen. */
export function sheetOf({ kind, element }: Exhibit, session: Captioned): Sheet {
  const caption = captionOf(kind, session);
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  // What can be scrolled into view belongs to it, unless the view itself cuts it off.
  const open = style.overflow === 'visible';
  const width = Math.ceil(Math.max(box.width, open ? element.scrollWidth : 0)) + 2 * PAD;
  const page = element.closest('.app') ?? document.body;
  const surface = paintOf(getComputedStyle(page).backgroundColor).code;
  const head = headOf(caption, style, width);
  const height = head.height + Math.ceil(Math.max(box.height, open ? element.scrollHeight : 0)) + PAD;
  return {
    title: [caption.title, ...caption.says].join(' · '),
    surface,
    width,
    height,
    layers: [...head.layers, ...layersOf(element, { x: box.x - PAD, y: box.y - head.height })],
  };
}

/** The caption's lines: the title, then what it says and its legends, as many lines as they need. */
function headOf(
  { title, says, legends }: Caption,
  style: CSSStyleDeclaration,
  width: number,
): { readonly layers: readonly Layer[]; readonly height: number } {
  const ink = paintOf(style.color).code;
  const font = (size: number, weight: string): Font => ({
    family: style.fontFamily,
    size,
    weight,
    style: 'normal',
  });
  const [bold, plain] = [font(14, '600'), font(12, '400')];
  const layers: Layer[] = [];
  const write = (text: string, x: number, y: number, { family, size, weight }: Font, opacity: number) => {
    layers.push({
      svg:
        `<text x="${short(x)}" y="${short(y)}" font-family="${escapeXml(family)}" font-size="${size}" ` +
        `font-weight="${weight}" fill="${ink}" fill-opacity="${opacity}">${escapeXml(text)}</text>\n`,
    });
  };
  write(fitted(title, bold, width - 2 * PAD), PAD, PAD + 13, bold, 1);
  let [x, y] = [PAD, PAD + LINE + 11];
  const room = (needed: number) => {
    if (x > PAD && x + needed > width - PAD) [x, y] = [PAD, y + LINE];
  };
  const say = (text: string) => {
    const shown = fitted(text, plain, width - 2 * PAD);
    const needed = measure(shown, plain).width;
    room(needed);
    write(shown, x, y, plain, 0.75);
    x += needed + GAP;
  };
  for (const text of says) say(text);
  for (const { name, about } of legends) {
    const legend = document.querySelector(`[data-legend="${name}"]`);
    const box = legend?.getBoundingClientRect();
    if (!legend || !box || box.width === 0) continue;
    room(box.width + (about === '' ? 0 : measure(about, plain).width + GAP));
    if (about !== '') say(about);
    layers.push(...layersOf(legend, { x: box.x - x, y: box.y + box.height / 2 - (y - 4) }));
    x += box.width + GAP;
  }
  return { layers, height: y + 15 };
}
