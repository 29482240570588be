import { describe, expect, it } from 'vitest';
import { cameraOf, fly, hold, overview, reveal, toScreen, toWorld, viewOf, within, zoomAt } from './camera';

const world = { width: 8, height: 4 };
const viewport = { width: 1000, height: 700 };
const margins = { left: 40, top: 20, right: 0, bottom: 0 };

describe('the camera', () => {
  it('starts with all of the world in the middle', () => {
    const camera = overview(world, viewport, margins);
    expect(camera.scale).toBe(120);
    expect(toScreen(camera, 0, 0)).toEqual([40, 20 + (680 - 480) / 2]);
  });

  it('zooms about the pointer', () => {
    const camera = overview(world, viewport, margins);
    const [x, y] = toWorld(camera, 300, 200);
    const [px, py] = toScreen(zoomAt(camera, 300, 200, 3, [1, 1e4]), x, y);
    expect(px).toBeCloseTo(300);
    expect(py).toBeCloseTo(200);
  });

  it('keeps to its limits', () => {
    expect(zoomAt({ scale: 10, x: 0, y: 0 }, 0, 0, 100, [5, 50]).scale).toBe(50);
    expect(zoomAt({ scale: 10, x: 0, y: 0 }, 0, 0, 0.01, [5, 50]).scale).toBe(5);
  });

  it('never shows an empty rim', () => {
    const far = hold({ scale: 500, x: 900, y: -9000 }, world, viewport, margins);
    expect(far.x).toBe(40);
    expect(far.y).toBe(700 - 4 * 500);
  });

  it('moves just enough to show a cell', () => {
    const moved = reveal({ scale: 500, x: 40, y: 20 }, { x: 2, y: 0, side: 1 }, viewport, margins);
    expect(toScreen(moved, 3, 0)[0]).toBe(1000);
    expect(moved.y).toBe(20);
  });
});

describe('a view', () => {
  const view = { x: 3, y: 2, span: 1.75 };

  it('is a camera in words that outlive a change of the room', () => {
    const camera = cameraOf(view, viewport);
    expect(toWorld(camera, 500, 350)).toEqual([3, 2]);
    expect(camera.scale).toBe(400); // 700 px over 1.75 cells
    expect(viewOf(camera, viewport)).toEqual(view);
    const smaller = cameraOf(view, { width: 600, height: 700 });
    expect(toWorld(smaller, 300, 350)).toEqual([3, 2]);
  });

  it('flies from one place to another', () => {
    const far = { x: 8, y: 4, span: 17.5 };
    expect(fly(view, far, 0)).toEqual(view);
    expect(fly(view, far, 1).span).toBeCloseTo(17.5);
    expect(fly(view, far, 1).x).toBeCloseTo(8);
    expect(fly(view, far, 0.5).span).toBeCloseTo(1.75 * Math.sqrt(10));
    expect(fly(view, { ...view, x: 5 }, 0.5)).toEqual({ ...view, x: 4 });
    // A place that both show stays on its course: here the fixed point of the zoom.
    const fixed = { x: (3 * 17.5 - 8 * 1.75) / 15.75, y: (2 * 17.5 - 4 * 1.75) / 15.75 };
    const [x] = toScreen(cameraOf(fly(view, far, 0.3), viewport), fixed.x, fixed.y);
    expect(x).toBeCloseTo(toScreen(cameraOf(view, viewport), fixed.x, fixed.y)[0]);
  });

  it('of a cell takes that cell as the world', () => {
    const camera = within({ scale: 100, x: 10, y: 20 }, { x: 2, y: 1, side: 0.5 });
    expect(toScreen(camera, 0, 0)).toEqual([210, 120]);
    expect(toScreen(camera, 1, 1)).toEqual([260, 170]);
  });
});
