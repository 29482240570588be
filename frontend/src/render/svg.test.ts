import { describe, expect, it } from 'vitest';
import { makeGrid } from './layout';
import { FLAT } from './orbit';
import type { Picture } from './picture';
import { pictureSvg } from './svg';

/** One head of one query at (0.5, 0.5) and one key at (-1, 0), in a cell of 100 css pixels at (10, 20). */
function picture(change: Partial<Picture> = {}): Picture {
  const step = { id: 'a', heads: [Float32Array.of(0.5, 0.5, -1, 0)] };
  const grid = makeGrid([1], 0);
  return {
    grid,
    queries: 1,
    keys: 1,
    dims: 2,
    from: step,
    to: step,
    mix: 0,
    ghost: null,
    trails: null,
    camera: { scale: 100, x: 10, y: 20 },
    rotation: FLAT,
    cells: grid.rects,
    tints: null,
    styles: Uint8Array.of(0, 158, 115, 1, 204, 121, 167, 1),
    selecting: false,
    drawList: Uint32Array.of(0, 1),
    visible: 1,
    pointSize: 4,
    surface: [1, 1, 1],
    border: [0, 0, 0],
    accent: [1, 0, 0],
    hovered: -1,
    opened: -1,
    ...change,
  };
}
const size = { width: 200, height: 200 };
const shapes = (change: Partial<Picture>, ratio = 1) =>
  pictureSvg(picture(change), size, ratio).split('\n').slice(1, -1);

describe('a picture as shapes', () => {
  it('has queries as discs and small keys as full diamonds, where the shader puts them', () => {
    // The frame's ±1 lies at 0.93 of half a cell: the query at 10 + 50 + 0.5 · 46.5, the key at 60 − 46.5; a key is
    // 1.15 times as wide.
    expect(shapes({})).toEqual([
      '<circle cx="83.25" cy="46.75" r="2" fill="#009e73" fill-opacity="0.8"/>',
      '<path d="M13.5 67.7L15.8 70 13.5 72.3 11.2 70Z" fill="#cc79a7" fill-opacity="0.8"/>',
    ]);
  });

  it('has large keys hollow: a wall of a fifth of the diamond, within it', () => {
    // 10 · 1.15 = 11.5 across, a wall of 2.3; its middle is a corner's 5.75 − 2.3 / √2 = 4.12 from the centre.
    expect(shapes({ pointSize: 10 })[1]).toBe(
      '<path d="M13.5 65.88L17.62 70 13.5 74.12 9.38 70Z" fill="#cc79a7" fill-opacity="0.12" ' +
        'stroke="#cc79a7" stroke-width="2.3" stroke-opacity="0.8"/>',
    );
    // 4.6 css pixels are 9.2 device pixels: room for a hole.
    expect(shapes({}, 2)[1]).toContain('stroke-width="0.92"');
  });

  it('lets what is not selected step back, and the selected one grow', () => {
    const styles = Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 1);
    expect(shapes({ styles, selecting: true })).toEqual([
      '<circle cx="83.25" cy="46.75" r="4.4" fill="#000000"/>',
      expect.stringContaining('fill-opacity="0.2"'),
    ]);
  });

  it('mixes two steps, and leaves out what is not there', () => {
    const to = { id: 'b', heads: [Float32Array.of(-0.5, 0.5, Number.NaN, 0)] };
    expect(shapes({ to, mix: 0.75 })).toEqual([expect.stringContaining('cx="48.38"')]);
  });

  it('has cells with their tint under a line that lies within them', () => {
    const [cell] = shapes({ tints: Uint8Array.of(1, 2, 3, 255), opened: 0 });
    expect(cell).toBe(
      '<rect x="11" y="21" width="98" height="98" fill="#010203" stroke="#ff0000" stroke-width="2"/>',
    );
  });

  it('in 3-D paints near points last, larger, and far ones paler', () => {
    // Seen from the front: z towards the eye. CUBE = 0.56, PERSPECTIVE = 0.22; near: 1 / (1 − 0.22) = 1.282 times.
    const step = { id: 'c', heads: [Float32Array.of(0, 0, 1, 0, 0, -1)] };
    const drawn = shapes({ dims: 3, from: step, to: step });
    expect(drawn[1]).toBe('<circle cx="60" cy="70" r="2.56" fill="#009e73" fill-opacity="0.8"/>');
    // 0.45 of the way to white: 204 + 0.45 · 51.
    expect(drawn[0]).toContain('fill="#e3b5cf"');
  });

  it('has the other step under it, hollow, and paler by a share of the surface', () => {
    const other = { id: 'o', heads: [Float32Array.of(0, 0, Number.NaN, 0)] };
    const ghost = { from: other, to: other, mix: 0, cells: makeGrid([1], 0).rects };
    // 10 across: a wall of 0.12 of that; 0.3 of the way to white, 0.8 · 0.75 strong.
    expect(shapes({ ghost, pointSize: 10 })[0]).toBe(
      '<circle cx="60" cy="70" r="4.4" fill="none" stroke="#4dbb9d" stroke-width="1.2" stroke-opacity="0.6"/>',
    );
  });

  it('has trails that grow wider and stronger up to where the mix is', () => {
    const trails = {
      corners: Float32Array.of(-1, 0, 0, 0, 1, 0),
      perLine: 3,
      perHead: 1,
      cells: makeGrid([1], 0).rects,
      styles: Uint8Array.of(0, 158, 115, 0),
    };
    const [old, young] = shapes({ trails, mix: 0.5 });
    expect(old).toContain('d="M13.5 70L60 70"');
    expect(old).toContain('stroke-opacity="0"'); // its middle is as old as the oldest
    expect(young).toContain('d="M60 70L83.25 70"');
    // Its middle is at (1 − 0.5 + 0.25) of one stretch: 3 · (0.35 + 0.65 · 0.75), 0.85 · 0.75^0.8.
    expect(young).toContain('stroke-width="2.51" stroke-linecap="round" stroke-opacity="0.68"');
  });

  it('has the borders, colours and sizes that heads have of their own', () => {
    const ramp = new Uint8Array(4 * 256);
    ramp.set([1, 2, 3, 255], 4 * 7);
    // The query takes the ramp's colour and twice the size; a key that was found keeps the hue of its term.
    const figures = { values: Uint8Array.of(7, 255, 7, 0), ramp };
    const styles = Uint8Array.of(0, 158, 115, 1, 255, 0, 0, 4);
    const [query, key] = shapes({ figures, styles });
    expect(query).toBe('<circle cx="83.25" cy="46.75" r="4" fill="#010203" fill-opacity="0.8"/>');
    expect(key).toContain('fill="#ff0000"');
    // The widest border of a cell of 100 is 5 css pixels; around the opened head's lies its mark.
    const borders = Uint8Array.of(9, 8, 7, 255);
    const tints = Uint8Array.of(1, 2, 3, 255);
    expect(shapes({ tints, borders, opened: 0 }).slice(0, 2)).toEqual([
      '<rect x="12.5" y="22.5" width="95" height="95" fill="#010203" stroke="#090807" stroke-width="5"/>',
      '<rect x="11" y="21" width="98" height="98" fill="none" stroke="#ff0000" stroke-width="2"/>',
    ]);
  });

  it('has arrowheads, over all else, where points lie beyond their frame', () => {
    // The query four frames to the right, at 60 + 46.5 · (1 + 0.05 · 3/4) = 108.24; 4 · 1.25 = 5 wide but 2.25 at least
    // half of, 1 + 0.3 · log₂ 4 = 1.6 times as long.
    const step = { id: 'f', heads: [Float32Array.of(4, 0, 0, 0)] };
    const drawn = shapes({ from: step, to: step });
    expect(drawn[1]).toBe(
      '<path d="M112.24 70L104.24 72.5 104.24 67.5Z" fill="#009e73" fill-opacity="0.8"/>',
    );
    expect(drawn[0]).toContain('fill="#cc79a7"');
    // Where there is room, it is where it is.
    expect(
      shapes({ from: step, to: step, reach: [1, 1, 5, 1], camera: { scale: 50, x: 0, y: 0 } })[0],
    ).toContain('<circle cx="118"');
  });

  it('has the arrowheads of large keys hollow', () => {
    const step = { id: 'f', heads: [Float32Array.of(0, 0, 0, -2)] };
    const [, key] = shapes({ from: step, to: step, pointSize: 10 });
    expect(key).toMatch(/fill-opacity="0.12" stroke="#cc79a7"/);
    // The key's tip: 70 + 46.5 · 1.025 and half of 14.375 · 1.3 down, less the wall's half, 1.4375 over sin of the tip's.
    const [, tip] = /^<path d="M60 ([\d.]+)L/.exec(key ?? '') ?? [];
    const [h, w] = [(14.375 * 1.3) / 2, 14.375 / 2];
    const bow = w / Math.hypot(2 * h, w);
    expect(Number(tip)).toBeCloseTo(70 + 46.5 * 1.025 + h - 1.4375 / bow, 1);
  });

  it('leaves out what lies beyond the view', () => {
    expect(shapes({ camera: { scale: 100, x: -500, y: 0 }, tints: Uint8Array.of(0, 0, 0, 255) })).toEqual([]);
  });
});
