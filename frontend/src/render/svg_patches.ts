import { CUT, FRAME, MOST_FRAME, type PointPatches } from './patches';

/** Patches as shapes: one copy of the atlas, of which each shows its part. */

const ATLAS = 'attnviz-atlas';
const SHAPES = { query: 'attnviz-query', key: 'attnviz-key' } as const;

/** What `patchShape` refers to. */
export function patchDefinitions({ atlas }: PointPatches): string {
  const shape = (id: string, isKey: boolean) =>
    `<clipPath id="${id}"><path d="${outline(0.5, 0.5, 0.5, isKey)}"/></clipPath>`;
  return (
    `<defs><image id="${ATLAS}" width="${atlas.width}" height="${atlas.height}" href="${atlas.toDataURL()}" ` +
    `style="image-rendering:pixelated"/>${shape(SHAPES.query, false)}${shape(SHAPES.key, true)}</defs>`
  );
}

interface ShownPatch {
  readonly x: number;
  readonly y: number;
  /** Css pixels. */
  readonly side: number;
  readonly isKey: boolean;
  /** Of its frame. */
  readonly paint: string;
  readonly opacity: number;
  readonly chosen: boolean;
}

/** Null for a point that has no patch. @param ratio device pixels per css pixel */
export function patchShape(
  { rectangles }: Pick<PointPatches, 'rectangles'>,
  point: number,
  { x, y, side, isKey, paint, opacity, chosen }: ShownPatch,
  ratio: number,
): string | null {
  const [left = 0, top = 0, right = 0, bottom = 0] = rectangles.subarray(4 * point, 4 * point + 4);
  if (right <= left) return null;
  const frame = Math.min(MOST_FRAME, Math.max(1 / ratio, FRAME * side)) * (chosen ? 1.5 : 1);
  return (
    `<g opacity="${short(opacity)}"><g transform="translate(${short(x - side / 2)} ${short(y - side / 2)}) scale(${short(side)})" ` +
    `clip-path="url(#${isKey ? SHAPES.key : SHAPES.query})"><use href="#${ATLAS}" ` +
    `transform="scale(${1 / (right - left)} ${1 / (bottom - top)}) translate(${-left} ${-top})"/></g>` +
    `<path d="${outline(x, y, (side - frame) / 2, isKey)}" fill="none" stroke="${paint}" stroke-width="${short(frame)}"/></g>`
  );
}

/** A square about a point, or one without its corners. */
function outline(x: number, y: number, half: number, isKey: boolean): string {
  const cut = isKey ? CUT * half : 0;
  const [left, top, right, bottom] = [x - half, y - half, x + half, y + half];
  const corners = [
    [left + cut, top],
    [right - cut, top],
    [right, top + cut],
    [right, bottom - cut],
    [right - cut, bottom],
    [left + cut, bottom],
    [left, bottom - cut],
    [left, top + cut],
  ] as const;
  return `M${corners.map(([cornerX, cornerY]) => `${short(cornerX)} ${short(cornerY)}`).join('L')}Z`;
}

function short(value: number): string {
  return String(Math.round(1000 * value) / 1000);
}
