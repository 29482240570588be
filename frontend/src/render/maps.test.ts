import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makeGrid } from './layout';
import { type CellMaps, codeOf, mapBox, middleLine, mixedValue, valueOfCode } from './maps';
import { FLAT } from './orbit';
import type { Picture } from './picture';
import { pictureSvg } from './svg';

/** Colour i is (i, 0, 0). */
const REDS = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 0 ? i / 4 : 0));

/** Two heads of 2 × 3 numbers; the second one has none. */
const heat: CellMaps = {
  from: Uint8Array.of(1, 255, 0, 128, 1, 1, 0, 0, 0, 0, 0, 0),
  to: Uint8Array.of(1, 255, 255, 128, 255, 1, 0, 0, 0, 0, 0, 0),
  mix: 0.25,
  rows: 2,
  columns: 3,
  form: 'heat',
  middle: null,
  most: 1,
  colours: REDS,
  opacity: 1,
  strip: 0,
};

function svg(maps: CellMaps): string {
  const grid = makeGrid([2], 0);
  const picture: Picture = {
    grid,
    queries: 1,
    keys: 1,
    dims: 2,
    from: null,
    to: null,
    mix: 0,
    camera: { scale: 100, x: 10, y: 20 },
    rotation: FLAT,
    cells: grid.rects,
    tints: new Uint8Array(8).fill(255),
    maps,
    styles: new Uint8Array(8),
    selecting: false,
    drawList: new Uint32Array(),
    visible: 2,
    pointSize: 4,
    surface: [1, 1, 1],
    border: [0, 0, 0],
    accent: [1, 0, 0],
    hovered: -1,
    opened: -1,
  };
  return pictureSvg(picture, { width: 220, height: 200 });
}

/** The numbers of colours in a PNG file of ours, row by row, without the rows' filters. */
function pixelsOf(url: string, width: number): number[] {
  const file = Buffer.from(url.replace('data:image/png;base64,', ''), 'base64');
  expect([...file.subarray(1, 4)].map((code) => String.fromCharCode(code)).join('')).toBe('PNG');
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') {
      const rows = inflateSync(file.subarray(at + 8, at + 8 + length)); // checks Adler-32
      return [...rows].filter((_, i) => i % (width + 1) !== 0);
    }
    at += 12 + length;
  }
  throw new Error('no pixels');
}

describe('small maps in cells', () => {
  it('have codes that are spaced by the square root', () => {
    expect([1, 128, 255].map(valueOfCode)).toEqual([0, expect.closeTo(0.25, 5), 1]);
    expect(valueOfCode(0)).toBeNaN();
    expect([0, 0.25, 0.83, 1, Number.NaN].map(codeOf)).toEqual([1, 128, 232, 255, 0]);
  });

  it('mix the numbers of two steps, not their codes; where one has none, the other’s stays', () => {
    expect(mixedValue(heat, 4)).toBeCloseTo(0.25);
    expect(mixedValue(heat, 2)).toBe(1);
    expect(mixedValue(heat, 7)).toBeNaN();
  });

  it('lie within the border and a rim of the tint, as wide as they are high', () => {
    const frame = { left: 10, top: 20, right: 110, bottom: 120, mark: 0, wall: 1, tile: false };
    // A rim of 1 + 3.5 pixels, whole ones.
    expect(mapBox(frame, { rows: 8, columns: 8, form: 'heat', strip: 0 }, 1)).toEqual({
      left: 15,
      top: 25,
      width: 90,
      height: 90,
    });
    const wide = mapBox(frame, { rows: 2, columns: 3, form: 'heat', strip: 0 }, 1);
    expect([wide.width, wide.height, wide.top]).toEqual([90, 60, 40]);
    // Words stand in a strip above: heat keeps its shape, bars are lower.
    const [heat, bars] = [
      mapBox(frame, { rows: 8, columns: 8, form: 'heat', strip: 16 }, 1),
      mapBox(frame, { rows: 1, columns: 9, form: 'bars', strip: 16 }, 1),
    ];
    expect(heat).toEqual({ left: 20.5, top: 36, width: 79, height: 79 });
    expect(bars).toEqual({ left: 15, top: 36, width: 90, height: 79 });
    // A tile is too small for one.
    const tile = mapBox(
      { ...frame, right: 20, bottom: 30, tile: true },
      { rows: 8, columns: 8, form: 'heat', strip: 0 },
      1,
    );
    expect([tile.width, tile.height]).toEqual([0, 0]);
  });

  it('are small images in SVG, whose pixels are the colours of the shader', () => {
    const images = [...svg(heat).matchAll(/<image .*?href="(.*?)"/g)];
    expect(images).toHaveLength(1); // the second head has no map
    expect(pixelsOf(images[0]?.[1] ?? '', 3)).toEqual([1, 255, 255, 128, 128, 1]);
    const half = [...svg({ ...heat, most: 0.5, opacity: 0.35 }).matchAll(/<image .*?href="(.*?)"/g)];
    expect(pixelsOf(half[0]?.[1] ?? '', 3)).toEqual([1, 255, 255, 181, 181, 1]);
    expect(half[0]?.[0]).toContain(' opacity="0.35"');
  });

  it('have a line around their middle where there is room in it', () => {
    const row: CellMaps = { ...heat, rows: 1, middle: [1, 0, 0] }; // places of 30 pixels, from (15, 55)
    expect(svg(row)).toContain(
      '<rect x="46" y="56" width="28" height="28" fill="none" stroke="#ff0000" stroke-width="2"',
    );
    expect(svg({ ...row, middle: null })).not.toContain('stroke="#ff0000"');
    expect(svg({ ...row, columns: 17 })).not.toContain('stroke="#ff0000"'); // 5 pixels
  });

  it('have a line of whole device pixels, as wide on all sides, whatever the size of a place', () => {
    const box = { left: 10.5, top: 20, width: 7 * 9.3, height: 5 * 9.3 };
    for (const ratio of [1, 1.5, 2]) {
      const found = middleLine(box, { rows: 5, columns: 7 }, ratio);
      const sides = [found?.left, found?.top, found?.width, found?.height, found?.line];
      for (const side of sides)
        expect(ratio * (side ?? Number.NaN)).toBeCloseTo(Math.round(ratio * (side ?? 0)), 9);
      expect(Math.abs((found?.left ?? 0) - (10.5 + 3 * 9.3))).toBeLessThanOrEqual(0.5 / ratio);
    }
    expect(middleLine({ ...box, width: 42, height: 30 }, { rows: 5, columns: 7 }, 1)).toBeNull();
  });

  it('are bars in SVG, as high as their numbers, each colour a path', () => {
    const bars: CellMaps = { ...heat, rows: 1, columns: 6, form: 'bars', colours: REDS.subarray(0, 24) };
    const paths = [...svg(bars).matchAll(/<path d="(.*?)" fill="(.*?)"/g)].map(([, path, fill]) => [
      fill,
      path,
    ]);
    // A box of 90 pixels from (15, 25): columns of 15; numbers 0, 1, 1, 0.25, 0.25, 0.
    expect(paths).toEqual([
      ['#010000', 'M30 115v-90h15v90z'],
      ['#020000', 'M45 115v-90h15v90z'],
      ['#030000', 'M60 115v-22.5h15v22.5z'],
      ['#040000', 'M75 115v-22.5h15v22.5z'],
    ]);
  });
});
