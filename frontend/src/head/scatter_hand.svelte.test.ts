import { beforeEach, expect, it } from 'vitest';
import { overview } from '../render/camera';
import { START } from '../render/orbit';
import { type Plot, ScatterHand } from './scatter_hand.svelte';

const SIZE = { width: 100, height: 100 };
const whole = overview({ width: 1, height: 1 }, SIZE, { left: 0, top: 0, right: 0, bottom: 0 });

let plot: Plot;
let did: string[];
let session: ConstructorParameters<typeof ScatterHand>[0];
let hand: ScatterHand;

beforeEach(() => {
  did = [];
  const order = Uint32Array.of(0, 1);
  plot = { camera: whole, whole, size: SIZE, dims: 2, cloud: null, order, pick: (x) => (x > 50 ? 7 : null) };
  session = {
    focus: { selection: null, large: 'reading', selectPoint: (point) => did.push(`point ${point}`) },
    readingStart: { read: async () => void did.push('read') },
    marks: { mark: () => did.push('mark') },
    headCamera: { framing: null, orbit: START, reset: () => did.push('all') },
    reducedMotion: true,
  };
  hand = new ScatterHand(session, () => plot);
});

it('selects the point that is tapped on, and beside any nothing', () => {
  hand.tap(60, 10);
  expect([did, session.focus.large]).toEqual([['point 7'], 'points']);
  session.focus.selection = { sequence: 0, list: 0, token: 1, side: 'query' };
  hand.tap(10, 10);
  expect(session.focus.selection).toBe(null);
});

it('moves a flat picture by keys, and turns one in three dimensions', () => {
  hand.keys.move(1, 0);
  expect(session.headCamera.framing).not.toBe(null);
  expect(session.headCamera.orbit).toBe(START);
  plot = { ...plot, dims: 3 };
  hand.keys.move(1, 0);
  expect(session.headCamera.orbit.yaw).toBeCloseTo(START.yaw + 0.12);
});

it('zooms in by keys, in the middle', () => {
  hand.keys.zoom(2);
  expect(session.headCamera.framing?.zoom).toBeCloseTo(2);
});

it('takes up a lasso in two dimensions alone, and lays it down', () => {
  expect([hand.keys.mark('lasso'), hand.marking.busy, hand.keys.stop(), hand.keys.stop()]).toEqual([
    true,
    true,
    true,
    false,
  ]);
  plot = { ...plot, dims: 3 };
  expect(hand.keys.mark('lasso')).toBe(false);
});
