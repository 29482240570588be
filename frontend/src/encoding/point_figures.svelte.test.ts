import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Session } from '../app/session.svelte';
import type { Host } from '../base/host';
import type { NpyArray } from '../base/npy';
import { DEFAULT_PROJECTION } from '../run/projection';
import type { FigureQuery } from '../run/types';
import { SyntheticSource } from '../source/synthetic';
import { quantiles } from './point_figures.svelte';

class Counted extends SyntheticSource {
  readonly heard: FigureQuery[] = [];
  fails = false;

  override async pointFigures(query: FigureQuery): Promise<NpyArray> {
    this.heard.push(query);
    if (this.fails) throw new Error('the samples of this step are damaged');
    return super.pointFigures(query);
  }
}

const pass = async (milliseconds = 0) => {
  await vi.advanceTimersByTimeAsync(milliseconds);
  flushSync();
};

let source: Counted;
let session: Session;
let end: () => void;

beforeEach(async () => {
  vi.useFakeTimers();
  source = new Counted({ heads: [2, 3], tokens: 60, checkpoints: 5 });
  const body = { classList: { contains: () => false } };
  const host = { window: { matchMedia: () => ({ matches: true }), document: { body } } } as unknown as Host;
  vi.stubGlobal('cancelAnimationFrame', () => {});
  vi.stubGlobal('requestAnimationFrame', () => 1);
  vi.stubGlobal(
    'MutationObserver',
    class {
      observe() {}
      disconnect() {}
    },
  );
  end = $effect.root(() => {
    session = new Session(source, host, { projection: DEFAULT_PROJECTION });
    session.begin();
  });
  await session.refreshRuns();
  await pass();
});

afterEach(() => {
  end();
  session.destroy();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const steps = () => source.heard.map(({ layer, step }) => `L${layer} ${step}`);

it('asks for the layers in view, at the shown step and at the ends of the scale', async () => {
  expect(source.heard).toEqual([]); // what is shared costs nothing
  expect(session.looks.ofHeads).toBeNull();
  session.matrixView.visible = Uint32Array.of(3, 4);
  session.scatter.colouring = 'norm';
  await pass(10);
  expect(steps().toSorted()).toEqual(['L1 0', 'L1 800']);
  session.playback.go(2);
  await pass(10);
  expect(steps().slice(2)).toEqual(['L1 400']);
  session.playback.go(4);
  await pass(10);
  expect(steps()).toHaveLength(3);
  const points = session.data.run!.queries + session.data.run!.keys;
  const { values } = session.looks.ofHeads!;
  expect(values).toHaveLength(2 * 5 * points);
  const shades = (head: number) =>
    values.slice(2 * head * points, 2 * (head + 1) * points).filter((_, i) => i % 2 === 0);
  expect(shades(0).every((shade) => shade === 0)).toBe(true); // its layer is out of view
  expect(Math.max(...shades(3))).toBe(255);
  expect(shades(3)).not.toEqual(shades(4));
});

it('shows the nearest checkpoint that is here, on one scale for all steps', async () => {
  session.matrixView.visible = Uint32Array.of(0);
  session.scatter.colouring = 'max_logit';
  await pass(10);
  const last = session.pointFigures.values('max_logit', 0)!;
  const points = session.data.run!.queries + session.data.run!.keys;
  const range = session.pointFigures.range('max_logit', 0, 1, points);
  session.playback.go(3);
  expect(session.pointFigures.values('max_logit', 0)).toBe(last);
  await pass(10);
  expect(session.pointFigures.values('max_logit', 0)).not.toBe(last);
  expect(session.pointFigures.range('max_logit', 0, 1, points)).toEqual(range);
  expect(session.pointFigures.loading).toBe(false);
});

it('sizes the opened head’s points with any colour', async () => {
  session.scatter.sized = true;
  await pass(10);
  expect(source.heard).toEqual([]);
  session.focus.open({ layer: 1, head: 2 });
  await pass(10);
  expect(new Set(source.heard.map(({ figure, layer }) => `${figure} ${layer}`))).toEqual(new Set(['norm 1']));
  const { values } = session.looks.ofOpened!;
  expect(values.filter((_, i) => i % 2 === 0).every((shade) => shade === 0)).toBe(true);
  const sizes = values.filter((_, i) => i % 2 === 1);
  expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([1, 255]);
  expect(session.looks.ofHeads).toBeNull();
});

it('says what went wrong, once, and tries again when asked', async () => {
  source.fails = true;
  session.matrixView.visible = Uint32Array.of(0);
  session.scatter.colouring = 'entropy';
  await pass(10);
  expect([session.pointFigures.error, source.heard.length]).toEqual([
    'the samples of this step are damaged',
    2,
  ]);
  source.fails = false;
  session.pointFigures.retry();
  await pass(10);
  expect(session.pointFigures.error).toBeNull();
  expect(session.looks.tells(0)).toBeNull();
  session.focus.open({ layer: 0, head: 0 });
  await pass(10);
  expect(session.looks.tells(3)?.[0]).toBe('attention entropy');
});

it('keeps a link’s label until the probe is here, and kind where it has none', async () => {
  session.scatter.colouring = 'label:part of speech';
  expect(session.looks.colouring.title).toBe('part of speech');
  expect(session.looks.scale?.kind).toBe('classes');
  session.scatter.colouring = 'label:nothing';
  expect([session.looks.colouring.id, session.place?.colour]).toEqual(['kind', 'kind']);
});

it('leaves out a fiftieth at both ends of a range, and what is not finite', () => {
  const values = Float32Array.from({ length: 101 }, (_, i) => i);
  expect(quantiles(values)).toEqual([2, 98]);
  expect(quantiles(Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY))).toEqual([1, 1]);
});
