import { labelEvery, type Sheet } from '../attention/sheet';
import type { Side, TokenPlace } from '../attention/side';
import type { Pair } from '../attention/weights';
import type { Size } from '../base/size';
import type { Pen } from '../render/svg_context';
import { heatColours, heatPixels } from './heat';
import type { Panel } from './panel';
import type { SideTokens } from './sentence.svelte';

export interface MapPicture {
  readonly panel: Panel;
  readonly sides: Readonly<Record<Side, SideTokens>>;
  readonly selected: TokenPlace | null;
  readonly hovered: Pair | null;
  readonly sheet: Sheet;
  readonly scroll: { readonly x: number; readonly y: number };
  /** Css pixels that are seen. */
  readonly width: number;
  readonly height: number;
  readonly dark: boolean;
}

interface Ink {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly gone: string;
  readonly accent: string;
  readonly query: string;
  readonly key: string;
}

const LIGHT: Ink = {
  text: '#212121',
  muted: '#5f6368',
  grid: '#dadce0',
  gone: '#0000000f',
  accent: '#e65100',
  query: '#007a59',
  key: '#a34579',
};
const DARK: Ink = {
  text: '#eceff1',
  muted: '#b0b3b8',
  grid: '#4d4f52',
  gone: '#ffffff14',
  accent: '#ffa040',
  query: '#4fd6b2',
  key: '#f2b3d5',
};

/** Draws what is seen of a heat map: the labels stand still while the cells are scrolled below them. */
export function drawMap(context: Pen, picture: MapPicture): void {
  const { sheet, width, height, sides } = picture;
  const extent: Size = {
    width: sides.key.tokens.length * sheet.cell,
    height: sides.query.tokens.length * sheet.cell,
  };
  context.clearRect(0, 0, width, height);
  context.save();
  context.beginPath();
  context.rect(sheet.left, sheet.top, width - sheet.left, height - sheet.top);
  context.clip();
  context.translate(sheet.left - picture.scroll.x, sheet.top - picture.scroll.y);
  const ink = picture.dark ? DARK : LIGHT;
  drawCells(context, picture, extent);
  drawGone(context, picture, extent, ink);
  context.strokeStyle = ink.grid;
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, extent.width - 1, extent.height - 1);
  drawCross(context, picture, extent, ink);
  context.restore();
  drawLabels(context, picture, 'query', ink);
  drawLabels(context, picture, 'key', ink);
}

function drawCells(context: Pen, { panel, sides, sheet, dark }: MapPicture, { width, height }: Size): void {
  const size = { width: sides.key.tokens.length, height: sides.query.tokens.length };
  if (!panel.drawn || size.width * size.height === 0) return;
  context.imageSmoothingEnabled = sheet.cell < 1.5;
  context.drawImage(imageOf(panel.drawn, size, dark, panel.signed), 0, 0, width, height);
}

function drawGone(
  context: Pen,
  { sides, sheet: { cell } }: MapPicture,
  { width, height }: Size,
  ink: Ink,
): void {
  context.fillStyle = ink.gone;
  sides.query.gone.forEach((hidden, query) => {
    if (hidden) context.fillRect(0, query * cell, width, cell);
  });
  sides.key.gone.forEach((hidden, key) => {
    if (hidden) context.fillRect(key * cell, 0, cell, height);
  });
}

/** The selected token's row or column, and the pair under the pointer. */
function drawCross(
  context: Pen,
  { selected, hovered, sheet: { cell } }: MapPicture,
  { width, height }: Size,
  ink: Ink,
): void {
  const frame = (place: Pair) => {
    const [x, y] = [place.key === null ? 0 : place.key * cell, place.query === null ? 0 : place.query * cell];
    const [w, h] = [place.key === null ? width : cell, place.query === null ? height : cell];
    context.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
  };
  if (selected) {
    context.strokeStyle = ink.accent;
    context.lineWidth = 1.5;
    frame(
      selected.side === 'query' ? { query: selected.token, key: null } : { query: null, key: selected.token },
    );
  }
  if (hovered) {
    context.strokeStyle = ink.text;
    context.lineWidth = 1;
    frame(hovered);
    if (cell < 5 && hovered.query !== null && hovered.key !== null) {
      context.globalAlpha = 0.35;
      frame({ query: hovered.query, key: null });
      frame({ query: null, key: hovered.key });
      context.globalAlpha = 1;
    }
  }
}

function drawLabels(
  context: Pen,
  { sides, selected, hovered, sheet, scroll, width, height }: MapPicture,
  side: Side,
  ink: Ink,
): void {
  const { tokens, gone, positions } = sides[side];
  const down = side === 'query';
  const { cell } = sheet;
  const [room, start, scrolled, extent] = down
    ? [sheet.left, sheet.top, scroll.y, height]
    : [sheet.top, sheet.left, scroll.x, width];
  const every = labelEvery(sheet, tokens.length);
  const pointed = hovered?.[side] ?? null;
  const chosen = selected?.side === side ? selected.token : null;
  const first = Math.max(0, Math.floor(scrolled / cell));
  const last = Math.min(tokens.length - 1, Math.ceil((scrolled + extent - start) / cell));
  context.save();
  context.beginPath();
  if (down) context.rect(0, sheet.top, sheet.left, height - sheet.top);
  else context.rect(sheet.left, 0, width - sheet.left, sheet.top);
  context.clip();
  context.textAlign = down ? 'right' : 'left';
  context.textBaseline = 'middle';
  for (let token = first; token <= last; token++) {
    const marked = token === pointed || token === chosen;
    if (token % every !== 0 && !marked) continue;
    // A number that a marked one would lie upon gives way.
    const crowded = [pointed, chosen].some(
      (other) => other !== null && other !== token && Math.abs(other - token) * cell < 13,
    );
    if (!sheet.words && !marked && crowded) continue;
    const size = Math.min(12, Math.max(9, cell - 1));
    context.font = `${marked ? '600 ' : ''}${size}px Roboto, system-ui, sans-serif`;
    context.fillStyle =
      token === chosen
        ? ink.accent
        : gone[token]
          ? ink.muted
          : marked
            ? ink.text
            : down
              ? ink.query
              : ink.key;
    context.globalAlpha = gone[token] ? 0.5 : 1;
    const text = sheet.words
      ? fitted(context, tokens[token] ?? '', room - 6)
      : positions
        ? (tokens[token] ?? '')
        : String(token);
    const at = start + (token + 0.5) * cell - scrolled;
    context.save();
    if (down) context.translate(sheet.left - 4, at);
    else {
      context.translate(at, sheet.top - 4);
      context.rotate(-Math.PI / 2);
    }
    context.fillText(text, 0, 0.5);
    if (gone[token]) {
      const long = context.measureText(text).width;
      context.fillRect(down ? -long : 0, 0, long, 1);
    }
    context.restore();
  }
  context.restore();
}

/** The text, with an ellipsis where it is wider than its room. */
function fitted(context: Pen, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  const characters = [...text]; // never half of one
  do characters.pop();
  while (characters.length > 1 && context.measureText(`${characters.join('')}…`).width > room);
  return `${characters.join('')}…`;
}

/** Each array's picture, made once: scrolling and pointing only draw it again. */
const images = new WeakMap<Float32Array, { readonly id: string; readonly canvas: OffscreenCanvas }>();

function imageOf(
  weights: Float32Array,
  { width, height }: Size,
  dark: boolean,
  signed: boolean,
): OffscreenCanvas {
  const id = `${width} ${dark} ${signed}`;
  const held = images.get(weights);
  if (held?.id === id) return held.canvas;
  const canvas = new OffscreenCanvas(width, height);
  const pixels = heatPixels(weights, heatColours(dark), signed);
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
  images.set(weights, { id, canvas });
  return canvas;
}
