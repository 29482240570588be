import { expect, it } from 'vitest';
import { START } from '../render/orbit';
import { HeadCamera } from './head_camera.svelte';

it('looks at the whole picture from the front again, whatever was chosen', () => {
  const camera = new HeadCamera();
  camera.framing = { x: 0.2, y: 0.3, zoom: 4 };
  camera.orbit = { yaw: 2, tilt: 1 };
  camera.reset();
  expect([camera.framing, camera.orbit]).toEqual([null, START]);
});
