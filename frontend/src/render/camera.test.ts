import { describe, expect, it } from 'vitest';
import { hold, overview, reveal, toScreen, toWorld, zoomAt } from './camera';

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
