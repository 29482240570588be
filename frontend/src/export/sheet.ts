import { flushSync, mount, unmount } from 'svelte';
import { escapeXml, type Font, fitted, measure, short } from '../render/text';
import { type Caption, type Captioned, captionOf } from './caption';
import type { Sheet } from './image';
import { type Layer, layersOf } from './layers';
import PrintedLegends, { type LegendsNeeds } from './PrintedLegends.svelte';
import { paintOf } from './paint';
import type { ExportView } from './views.svelte';

/** What pictures and their legends are made of. */
export type Pictured = Captioned & LegendsNeeds;

const PAD = 12;
const LINE = 22;
const GAP = 14;

/** Does this in light colours, as paper has them, whatever the theme. Nobody sees it: nothing is painted meanwhile.
 * @param work may go on later, but then looks at the page no more */
export function printed<Result>({ theme }: Pick<Pictured, 'theme'>, work: () => Result): Result {
  const { dark } = theme;
  const turn = (to: boolean) => {
    theme.dark = to;
    flushSync();
  };
  if (!dark) return work();
  turn(false);
  try {
    return work();
  } finally {
    turn(true);
  }
}

/** A view as a sheet of its own: what is written above it, its legends, and itself as it is on screen. */
export function sheetOf({ kind, element }: ExportView, session: Pictured): Sheet {
  const caption = captionOf(kind, session);
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  // What can be scrolled into view belongs to it, unless the view itself cuts it off.
  const open = style.overflow === 'visible';
  const width = Math.ceil(Math.max(box.width, open ? element.scrollWidth : 0)) + 2 * PAD;
  const page = element.closest('.app') ?? document.body;
  const surface = paintOf(getComputedStyle(page).backgroundColor).code;
  const head = headOf(caption, style, width);
  const legends =
    kind === 'matrix' || kind === 'head' ? legendsOf(kind, session, page, width - 2 * PAD) : null;
  const top = head.height + (legends ? legends.height + GAP / 2 : 0);
  return {
    title: [caption.title, ...caption.says].join(' · '),
    surface,
    width,
    height: top + Math.ceil(Math.max(box.height, open ? element.scrollHeight : 0)) + PAD,
    layers: [
      ...head.layers,
      ...(legends?.layersAt(PAD, head.height) ?? []),
      ...layersOf(element, { x: box.x - PAD, y: box.y - top }),
    ],
  };
}

/** The legends of points and cells, laid out by the browser for this width. */
function legendsOf(
  kind: 'matrix' | 'head',
  session: Pictured,
  page: Element,
  width: number,
): { readonly height: number; layersAt(x: number, y: number): readonly Layer[] } {
  const legends = mount(PrintedLegends, {
    target: page,
    props: { session, ofAll: kind === 'matrix', width },
  });
  flushSync();
  const element = page.querySelector('[data-legends]');
  const box = element?.getBoundingClientRect();
  const layers = element && box ? layersOf(element, box) : [];
  void unmount(legends);
  return {
    height: Math.ceil(box?.height ?? 0),
    layersAt: (x, y) => layers.map((layer) => moved(layer, x, y)),
  };
}

function moved(layer: Layer, x: number, y: number): Layer {
  if (!('svg' in layer)) return { ...layer, x: layer.x + x, y: layer.y + y };
  return { svg: `<g transform="translate(${short(x)} ${short(y)})">${layer.svg}</g>\n` };
}

/** The caption's lines: the title, then what it says, as many lines as it needs. */
function headOf(
  { title, says }: Caption,
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
  return { layers, height: y + 15 };
}
