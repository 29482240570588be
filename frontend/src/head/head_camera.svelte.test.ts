import { expect, it } from 'vitest';
import { START } from '../render/orbit';
import type { Dims } from '../run/pictures';
import { runOf } from '../run/run.fixture';
import { HeadCamera } from './head_camera.svelte';

function entered(pairs: Record<string, string>, dims: Dims = 3, opened = true) {
  const focus = { opened: opened ? { layer: 0, head: 0 } : null };
  const camera = new HeadCamera({ focus, axes: { dims } });
  const enter = (said: Record<string, string>) => {
    camera.settings.enter(new Map(Object.entries(said)), runOf());
    camera.enter();
  };
  enter(pairs);
  return { camera, focus, enter };
}

it('looks at the whole picture from the front again, whatever was chosen', () => {
  const { camera } = entered({});
  camera.framing = { x: 0.2, y: 0.3, zoom: 4 };
  camera.orbit = { yaw: 2, tilt: 1 };
  camera.reset();
  expect([camera.framing, camera.orbit]).toEqual([null, START]);
});

it.each([{}, { head_view: '0.25_0.75_3' }, { turn: '1_-0.2' }, { panel: '400' }])('keeps %o', (said) => {
  expect(entered(said as Record<string, string>).camera.settings.said).toEqual(said);
});

it('leads neither into a point nor out of sight', () => {
  const zoom = (text: string) => entered({ head_view: text }).camera.framing?.zoom;
  expect([zoom('0_0_90'), zoom('0_0_0.01'), zoom('0_0_101')]).toEqual([40, 0.1, undefined]);
});

it('takes nothing that there is not, and back what a link leaves unsaid', () => {
  const { camera, enter } = entered({ head_view: '1_2', turn: '1_x', panel: '-4' });
  const fresh = [null, START, null];
  expect([camera.framing, camera.orbit, camera.panelWidth]).toEqual(fresh);
  enter({ head_view: '0.25_0.75_3', turn: '1_0.2', panel: '400' });
  enter({});
  expect([camera.framing, camera.orbit, camera.panelWidth]).toEqual(fresh);
});

it('says nothing of a turn in 2-D, nor of a head view that is closed, and takes no view without a head', () => {
  expect(entered({ turn: '1_0.2' }, 2).camera.settings.said).toEqual({});
  const { camera, focus } = entered({ head_view: '0_0_2', panel: '400' });
  focus.opened = null as never;
  expect(camera.settings.said).toEqual({});
  expect(entered({ head_view: '0_0_2' }, 2, false).camera.framing).toBeNull();
});
