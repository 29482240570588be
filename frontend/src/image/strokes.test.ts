import { describe as about, expect, it } from 'vitest';
import { arrowsOf, type Both, linksOf } from '../attention/reading';
import type { Patches } from '../run/grids';
import { arrowStrokes, linkStrokes } from './strokes';

/** [CLS] and a row of three patches. */
const ROW: Patches = { grid: { rows: 1, columns: 3 }, places: [null, [0, 0], [0, 1], [0, 2]] };
const BOTH: Both = { query: ROW, key: ROW };
const WEIGHTS = Float32Array.from(
  [
    [0.1, 0.2, 0.3, 0.4], // [CLS]
    [0.6, 0.1, 0.2, 0.1], // most to [CLS]
    [0.0, 0.2, 0.5, 0.3], // most to itself
    [0.1, 0.5, 0.4, 0.0], // most to the first patch
  ].flat(),
);

about('strokes over an image', () => {
  const frame = { patches: BOTH, width: 300, height: 100 };
  it('point at the middle of the key', () => {
    const [ring, dot, arrow] = arrowStrokes(arrowsOf(WEIGHTS, BOTH), frame);
    expect(arrow?.path).toMatch(/ 50\.0 50\.0 /); // the tip, in the first patch
    expect(dot?.path.match(/M/g)).toHaveLength(1);
    expect(ring?.path.match(/M/g)).toHaveLength(2);
    expect(ring?.opacity).toBe(1);
  });

  it('are wide at the query, in proportion to the weight', () => {
    const strokes = linkStrokes(linksOf(WEIGHTS, BOTH, 0.2, 10), frame);
    const width = (path = '') => {
      const [, y = '', end = ''] = /^M\S+ (\S+)L\S+ \S+ \S+ (\S+)Z$/.exec(path) ?? [];
      return Math.abs(Number(end) - Number(y));
    };
    const widths = strokes.map(({ path }) => width(path));
    expect(widths.at(-1)).toBeCloseTo(17, 1); // 17 % of a patch
    expect(widths.at(-3)).toBeCloseTo(17 * 0.6, 1);
  });
});
