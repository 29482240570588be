import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TokenIndex } from '../run/places';
import { dataOf, textOf } from '../run/run.fixture';
import type { Run, Sequence } from '../run/types';
import { Images } from './images.svelte';

const IMAGE: Sequence = {
  kind: 'image',
  tokens: ['[CLS]', 'r0c0', 'r0c1'],
  repeat: null,
  grid: { rows: 1, columns: 2 },
  places: [null, [0, 0], [0, 1]],
  image: { width: 8, height: 6 },
};
const pictured = dataOf([IMAGE], { probe: 'p' });

class Data {
  run = $state.raw<Run | null>(pictured.run);
  probe = $state.raw<{ value: TokenIndex | null }>(pictured.probe);
  source = {
    image: async (run: string) => {
      asked.push(run);
      return new Blob();
    },
  };
}
class Wanted {
  patches = $state(true);
}
let asked: string[];
let data: Data;
let wanted: Wanted;
let images: Images;
let end: () => void;

async function pass(): Promise<void> {
  flushSync();
  await new Promise((resolve) => setTimeout(resolve));
  flushSync();
}

beforeEach(async () => {
  const context = { drawImage: () => {} };
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => context }) });
  vi.stubGlobal('createImageBitmap', async () => ({ close: () => {} }));
  asked = [];
  data = new Data();
  wanted = new Wanted();
  images = new Images({ data }, () => wanted.patches);
  end = $effect.root(() => images.begin());
  await pass();
});
afterEach(() => {
  end();
  vi.unstubAllGlobals();
});

it('knows where the patch of each query and key is, and which token has none', () => {
  expect(images.any).toBe(true);
  expect([0, 1, 2, 3, 4, 5].map((point) => images.rectangle(point))).toEqual([
    null,
    [0, 0, 4, 6],
    [4, 0, 8, 6],
    null,
    [0, 0, 4, 6],
    [4, 0, 8, 6],
  ]);
  expect(images.box(0, 0)).toEqual({ left: 0, top: 0, width: 8, height: 6 });
});

it('draws points as their patches where that is wanted and a cell has room', () => {
  expect(images.drawn(300, 4)?.size).toBe(72);
  expect(images.drawn(20, 4)).toBeNull();
  expect([images.room(300), images.room(20)]).toEqual([100, 20]);
  wanted.patches = false;
  expect([images.drawn(300, 4), images.room(300)]).toEqual([null, 300]);
});

it('fetches the images of a probe once, whichever run has it', async () => {
  expect(asked).toEqual(['a']);
  data.run = { ...pictured.run, run: 'b' };
  await pass();
  expect(asked).toEqual(['a']);
  data.run = { ...pictured.run, run: 'c', probe: 'q' };
  await pass();
  expect(asked).toEqual(['a', 'c']);
});

it('has nothing of a probe without images', async () => {
  const text = dataOf([textOf('a b')]);
  data.run = text.run;
  data.probe = text.probe;
  await pass();
  expect([images.any, images.atlas.value, images.rectangle(0), images.box(0, 0)]).toEqual([
    false,
    null,
    null,
    null,
  ]);
});
