import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toScreen, toWorld } from '../render/camera';
import { GAP, makeGrid } from '../render/layout';
import { MatrixCamera } from './matrix_camera.svelte';
import { MatrixView } from './matrix_view.svelte';

const grid = makeGrid([4, 4, 4]);

function setup(axes = 0) {
  const matrixView = new MatrixView(() => false);
  const extent = { width: grid.width, height: grid.height, axes };
  const camera = new MatrixCamera({ arrangement: { grid, extent }, matrixView });
  [camera.width, camera.height] = [820, 616];
  return { camera, matrixView };
}

beforeEach(() => {
  vi.stubGlobal('cancelAnimationFrame', () => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('shows all heads as large as they fit, with room for axes where there are any', () => {
  const { camera } = setup();
  expect(camera.now).toEqual({ scale: 200, x: 10, y: 8 });
  expect([...camera.visible]).toEqual([...Array(12).keys()]);
  const { camera: beside, margins } = ((made) => ({ ...made, margins: made.camera.margins }))(setup(1));
  expect([margins.left, margins.top]).toEqual([46, 24]);
  expect(beside.now.scale).toBeLessThan(200);
  expect(beside.now.x).toBeGreaterThanOrEqual(46);
});

it('zooms about the pointer, sees fewer heads, and comes back to all', () => {
  const { camera, matrixView } = setup();
  const under = toWorld(camera.now, 310, 308);
  camera.zoom(310, 308, 2);
  expect(camera.now.scale).toBeCloseTo(400);
  const [x, y] = toScreen(camera.now, ...under);
  expect(x).toBeCloseTo(310);
  expect(y).toBeCloseTo(308);
  expect(camera.visible.length).toBeLessThan(12);
  camera.zoom(310, 308, 0.1);
  expect([matrixView.chosen, camera.now.scale]).toEqual([null, 200]);
});

it('flies to a head until its cell fills the room, and from there back', () => {
  const { camera, matrixView } = setup();
  camera.flyTo({ layer: 1, head: 2 });
  expect(camera.now.scale).toBeCloseTo((0.92 * (616 - 8)) / (1 - GAP));
  expect([...camera.visible]).toContain(6);
  const [x, y] = toScreen(camera.now, 2.5, 1.5);
  expect([Math.round(x), Math.round(y)]).toEqual([410, 308]);
  camera.flyTo({ layer: 1, head: 2 });
  expect(matrixView.chosen).toBeNull();
});

it('closes in on a head by the keyboard, and moves no further than a head needs', () => {
  const { camera, matrixView } = setup();
  camera.reveal({ layer: 2, head: 3 });
  expect(matrixView.chosen).toBeNull(); // all are in view
  camera.zoomOn({ layer: 0, head: 0 }, 2);
  expect([...camera.visible]).toContain(0);
  expect([...camera.visible]).not.toContain(11);
  const before = camera.now;
  camera.reveal({ layer: 0, head: 0 });
  expect(camera.now).toEqual(before);
  camera.reveal({ layer: 2, head: 3 });
  const [right, bottom] = toScreen(camera.now, 4 - GAP / 2, 3 - GAP / 2);
  expect(right).toBeLessThanOrEqual(810.001); // up to the free room
  expect(bottom).toBeLessThanOrEqual(608.001);
  camera.showAll();
  expect(matrixView.chosen).toBeNull();
});
