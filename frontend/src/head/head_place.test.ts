import { expect, it } from 'vitest';
import { START } from '../render/orbit';
import type { Dims } from '../run/types';
import { HeadCamera } from './head_camera.svelte';
import { enterHeadView, placeOfHeadView, readHeadView } from './head_place';

const read = (pairs: Record<string, string>) => readHeadView(new Map(Object.entries(pairs)));

function entered(pairs: Record<string, string>, dims: Dims = 3) {
  const view = {
    headCamera: new HeadCamera(),
    panelWidth: null as number | null,
    focus: { opened: { layer: 0, head: 0 } },
    axes: { dims },
  };
  enterHeadView(read(pairs), view);
  return view;
}

it.each([{}, { head_view: '0.25_0.75_3' }, { turn: '1_-0.2' }, { panel: 400 }])('keeps %o', (place) => {
  const pairs = Object.fromEntries(Object.entries(place).map(([name, value]) => [name, String(value)]));
  expect(placeOfHeadView(entered(pairs))).toEqual(place);
});

it('leads neither into a point nor out of sight', () => {
  const zoom = (text: string) => entered({ head_view: text }).headCamera.framing?.zoom;
  expect([zoom('0_0_90'), zoom('0_0_0.01'), zoom('0_0_101')]).toEqual([40, 0.5, undefined]);
});

it('takes nothing that there is not', () => {
  expect(read({ head_view: '1_2', turn: '1_x', panel: '-4' })).toEqual({});
});

it('says nothing of a turn in 2-D, nor of a head view that is closed', () => {
  expect(placeOfHeadView(entered({ turn: '1_0.2' }, 2))).toEqual({});
  const closed = { ...entered({ head_view: '0_0_2', panel: '400' }), focus: { opened: null } };
  expect(placeOfHeadView(closed)).toEqual({});
});

it('takes back what a link leaves unsaid', () => {
  const view = entered({ head_view: '0.25_0.75_3', turn: '1_0.2', panel: '400' });
  enterHeadView({}, view);
  expect([view.headCamera.framing, view.headCamera.orbit, view.panelWidth]).toEqual([null, START, null]);
});
