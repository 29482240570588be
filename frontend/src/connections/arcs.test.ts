import { describe, expect, it } from 'vitest';
import { makeGrid } from '../render/layout';
import { arcsOf } from './arcs';
import type { Link } from './links';

const LINK: Link = { layer: 0, head: 0, feeds: true, by: 'keys', contribution: 4, share: 1, since: 0 };
const grid = makeGrid([2, 2], 0);
const camera = { scale: 100, x: 10, y: 20 };
const drawn = (links: Link[], opened = { layer: 1, head: 1 }, rects = grid.rects) =>
  arcsOf(links, opened, { grid, rects, camera, most: 4 });
const numbers = (path: string) => (path.match(/-?[\d.]+/g) ?? []).map(Number);

describe('the arcs of links', () => {
  it('run from the head that feeds to the one that is fed, as wide as it contributes', () => {
    const [strong, weak] = drawn([LINK, { ...LINK, head: 1, contribution: 1 }]);
    const [x0 = 0, y0 = 0] = numbers(strong?.path ?? '');
    const [tipX = 0, tipY = 0] = numbers(strong?.tip ?? '');
    // From (60, 70), the middle of layer 0, head 0, to (160, 170); both stand back from the middle by at most 30.
    expect(Math.hypot(x0 - 60, y0 - 70)).toBeCloseTo(30, 0);
    expect(Math.hypot(tipX - 160, tipY - 170)).toBeCloseTo(30, 0);
    expect(strong?.width).toBe(9);
    expect(weak?.width).toBeCloseTo(1.5 + 7.5 / 4);
    const [back] = drawn([{ ...LINK, feeds: false }]);
    const [bx = 0, by = 0] = numbers(back?.path ?? '');
    expect(Math.hypot(bx - 160, by - 170)).toBeCloseTo(30, 0);
  });

  it('bend apart, by keys to one side and by queries to the other', () => {
    const [keys, queries] = drawn([LINK, { ...LINK, by: 'queries' }]);
    const middle = (path = '') => numbers(path).slice(2, 4);
    const [[kx = 0, ky = 0], [qx = 0, qy = 0]] = [middle(keys?.path), middle(queries?.path)];
    expect([(kx + qx) / 2, (ky + qy) / 2]).toEqual([110, 120]);
    expect(Math.hypot(kx - qx, ky - qy)).toBeGreaterThan(40);
  });

  it('of heads that have no cell are none', () => {
    const rects = grid.rects.slice();
    rects[2] = 0;
    expect(drawn([LINK], undefined, rects)).toEqual([]);
    expect(drawn([LINK], { layer: 0, head: 0 }, rects)).toEqual([]);
  });
});
