import { flushSync } from 'svelte';
import { expect, it } from 'vitest';
import { makeGrid } from '../render/layout';
import { runOf } from '../run/run.fixture';
import type { MapsQuery, Run, SmallMaps } from '../run/types';
import { CellMaps } from './cell_maps.svelte';

const STEPS = [0, 100, 200, 300];
const SINK = Float32Array.of(0.5, 0.6);
const turn = async () => {
  flushSync();
  await new Promise((resolve) => setTimeout(resolve));
  flushSync();
};

/** Maps at all steps but 200, whose first code is their step's hundredth; those of `lost` fail. */
function setup(parts: Partial<Run> = {}, tokens = 64) {
  const asked: MapsQuery[] = [];
  const run = runOf({ maps: { steps: [0, 100, 300], kinds: ['text', 'repeated'] }, ...parts });
  const state = $state({
    against: null as Run | null,
    lost: -1,
    tiled: false,
    pinned: [] as number[],
    opened: null as { layer: number; head: number } | null,
    kinds: ['local', 'local'],
  });
  const playback = $state({
    steps: STEPS,
    from: 1,
    to: 1,
    index: 1,
    between: { from: 1, to: 1, mix: 0 },
    target: null,
    playing: false,
    moving: false,
    upcoming: () => [],
  });
  const source = {
    maps: async (query: MapsQuery): Promise<SmallMaps> => {
      asked.push(query);
      if (query.step === state.lost) throw new Error('They were thinned.');
      const own = query.kind === 'repeated' ? 9 : 7;
      return { shape: [2, 1, 2], data: Uint8Array.of(query.step / 100, own, query.step / 100, own) };
    },
  };
  const sequences = [null, {}].map((repeat) => ({ tokens: new Array<string>(tokens).fill('a'), repeat }));
  const probe = { value: { sequences } };
  const maps = new CellMaps({
    data: { run, source, probe },
    playback,
    grid: makeGrid([2]),
    health: { figures: new Map([['sink', { at: () => SINK }]]) as never },
    names: {
      get findings() {
        return {
          heads: state.kinds.map((kind, head) => ({ layer: 0, head, findings: [{ kind }] })),
        } as never;
      },
    },
    get against() {
      return { run: state.against };
    },
    get arrangement() {
      return { pinned: state.pinned };
    },
    get focus() {
      return { opened: state.opened };
    },
    get matrixView() {
      return { tiled: state.tiled };
    },
  });
  const end = $effect.root(() => maps.begin());
  const go = (from: number, to = from, mix = 0) =>
    Object.assign(playback, { from, to, index: mix < 0.5 ? from : to, between: { from, to, mix } });
  return { maps, asked, playback, state, go, end };
}

it('shows attention where it was recorded, on the texts that names rest on, and points elsewhere', () => {
  const { maps, end } = setup();
  expect([maps.cells, maps.kind, maps.part, maps.lacks]).toEqual(['attention', 'named', 'first', null]);
  maps.chosen = 'points';
  expect(maps.on).toBe(false);
  maps.chosen = 'offsets';
  maps.of = 'text';
  expect([maps.kind, maps.part]).toEqual(['text', 'offsets']);
  end();
  const none = setup({ maps: { steps: [], kinds: [] } });
  none.maps.chosen = 'attention';
  expect([none.maps.cells, none.maps.lacks]).toEqual(['points', expect.stringContaining('Record it again')]);
  none.end();
});

it('has the whole length in parts only where it is longer than a map', () => {
  for (const [tokens, part] of [
    [64, 'pooled'],
    [32, 'first'],
  ] as const) {
    const { maps, end } = setup({}, tokens);
    maps.extent = 'whole';
    expect(maps.part).toBe(part);
    end();
  }
  const { maps, end } = setup({ maps: { steps: [0], kinds: ['14 × 14'] } });
  expect([maps.cells, maps.part, maps.pictured]).toEqual(['offsets', 'offsets', true]);
  maps.chosen = 'attention';
  expect(maps.part).toBe('received');
  end();
});

it('asks for the shown step, then for its distances, then for its neighbours', async () => {
  const { asked, maps, end } = setup();
  await turn();
  await turn();
  expect(asked.slice(0, 2).map(({ step, part }) => [step, part])).toEqual([
    [100, 'first'],
    [100, 'offsets'],
  ]);
  expect(new Set(asked.map(({ step }) => step))).toEqual(new Set([0, 100, 300]));
  expect([maps.pair?.from.data[0], maps.current, maps.busy]).toEqual([1, true, false]);
  expect(maps.offsetsOf(0)?.data[0]).toBe(1);
  end();
});

it('dims what belongs to another step: while its own are on their way, and where it has none', async () => {
  const { maps, go, end } = setup();
  await turn();
  go(3);
  flushSync();
  if (maps.pair?.toStep !== 300) expect(maps.current).toBe(false);
  await turn();
  expect([maps.pair?.to.data[0], maps.current]).toEqual([3, true]);
  go(2); // not recorded there: those of step 100 stand in
  await turn();
  expect([maps.pair?.toMaps, maps.pair?.toStep, maps.current]).toEqual([100, 200, false]);
  end();
});

it('mixes two steps as points are mixed', async () => {
  const { maps, go, end } = setup();
  go(0, 1, 0.25);
  await turn();
  expect([maps.pair?.fromMaps, maps.pair?.toMaps, maps.mix]).toEqual([0, 100, 0.25]);
  end();
});

it('draws nothing rather than maps of another kind, or of a step whose own failed', async () => {
  const { maps, state, go, end } = setup();
  await turn();
  maps.chosen = 'offsets';
  flushSync();
  expect(maps.pair === null || maps.pair.part === 'offsets').toBe(true);
  maps.chosen = 'attention';
  await turn();
  state.lost = 300;
  maps.leave();
  go(3);
  await turn();
  await turn();
  expect([maps.pair, maps.error, maps.busy]).toEqual([null, 'They were thinned.', false]);
  end();
});

it('lets Play wait for maps, and two that are compared show their points', async () => {
  const { maps, state, end } = setup();
  expect(maps.canShow(3)).toBe(false);
  await turn();
  await turn();
  await turn();
  expect(maps.canShow(3)).toBe(true);
  state.against = runOf();
  expect([maps.on, maps.lacks]).toEqual([false, 'Two that are compared show their points.']);
  expect(maps.canShow(0)).toBe(true);
  end();
});

it('asks for none while cells are too small for them, but for what the pointer is told', async () => {
  const { maps, asked, state, go, end } = setup();
  state.tiled = true;
  await turn();
  expect(new Set(asked.map(({ part }) => part))).toEqual(new Set(['first', 'offsets'])); // the first before it is known
  asked.length = 0;
  go(3);
  await turn();
  expect(asked.map(({ step, part }) => [step, part])).toEqual([[300, 'offsets']]);
  expect([maps.busy, maps.canShow(0)]).toEqual([false, true]);
  state.pinned = [0]; // it has room for its own
  await turn();
  expect(maps.pair?.toStep).toBe(300);
  state.pinned = [];
  await turn();
  maps.leave();
  go(0);
  await turn();
  expect(maps.pair).toBeNull();
  state.opened = { layer: 0, head: 1 }; // and so has this one
  await turn();
  await turn();
  expect(maps.pair?.toStep).toBe(0);
  end();
});

it('shows of each head the texts that its name rests on, and follows when a head is called otherwise', async () => {
  const { maps, state, asked, end } = setup();
  await turn();
  expect(new Set(asked.map(({ kind }) => kind))).toEqual(new Set(['text']));
  expect([maps.kindOf(1), [...(maps.pair?.to.data ?? [])]]).toEqual(['text', [1, 7, 1, 7]]);
  state.kinds = ['local', 'induction'];
  for (let i = 0; i < 4; i++) await turn();
  expect([maps.kindOf(0), maps.kindOf(1)]).toEqual(['text', 'repeated']);
  expect([...(maps.pair?.to.data ?? [])]).toEqual([1, 7, 1, 9]);
  expect([maps.offsetsOf(0)?.data[1], maps.offsetsOf(1)?.data[1], maps.busy]).toEqual([7, 9, false]);
  maps.of = 'text';
  await turn();
  expect([maps.kindOf(1), [...(maps.pair?.to.data ?? [])]]).toEqual(['text', [1, 7, 1, 7]]);
  end();
});

it('has the first token of the texts that cells show, and of all texts where these are all', async () => {
  const { maps, asked, end } = setup();
  maps.chosen = 'offsets';
  maps.of = 'repeated';
  expect(maps.onFirst(100)).toBeNull();
  await turn();
  await turn();
  expect(asked).toContainEqual({ run: 'a', step: 100, kind: 'repeated', part: 'first' });
  expect(maps.onFirst(100)).toHaveLength(2);
  expect(maps.ofFirstQueries).toBe(32);
  end();
  const alone = setup({ maps: { steps: [0, 100, 300], kinds: ['text'] } });
  expect(alone.maps.onFirst(100)).toBe(SINK);
  expect(alone.maps.ofFirstQueries).toBeNull();
  alone.end();
});
