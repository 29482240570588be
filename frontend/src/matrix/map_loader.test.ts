import { expect, it } from 'vitest';
import type { MapsQuery, SmallMaps } from '../run/types';
import { MapLoader } from './map_loader';

const at = (step: number): MapsQuery => ({ run: 'a', step, kind: 'text', part: 'first' });
const mapsOf = (step: number): SmallMaps => ({ shape: [1, 1, 4], data: Uint8Array.of(step, 1, 2, 3) });

/** A source that answers when it is told to. */
function held() {
  const asked: number[] = [];
  const waiting = new Map<number, { give(): void; fail(): void; signal: AbortSignal }>();
  const maps = ({ step }: MapsQuery, { signal }: { signal?: AbortSignal } = {}) => {
    asked.push(step);
    return new Promise<SmallMaps>((resolve, reject) => {
      waiting.set(step, {
        give: () => resolve(mapsOf(step)),
        fail: () => reject(new Error('They were thinned.')),
        signal: signal as AbortSignal,
      });
    });
  };
  return { asked, waiting, source: () => ({ maps }) };
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

it('asks for two at a time, in the order in which they are wanted, and once', async () => {
  const { asked, waiting, source } = held();
  const loader = new MapLoader(source);
  loader.want([at(1), at(2), at(3), at(1)]);
  expect(asked).toEqual([1, 2]);
  waiting.get(2)?.give();
  await turn();
  expect(asked).toEqual([1, 2, 3]);
  expect(loader.get(at(2))?.data[0]).toBe(2);
  expect([loader.settled(at(1)), loader.settled(at(2))]).toEqual([false, true]);
  loader.want([at(2)]);
  expect(asked).toEqual([1, 2, 3]);
});

it('stops what nobody wants any more, and takes its late answer for nothing', async () => {
  const { waiting, source } = held();
  const loader = new MapLoader(source);
  loader.want([at(1)]);
  loader.want([at(2)]);
  expect(waiting.get(1)?.signal.aborted).toBe(true);
  waiting.get(1)?.give();
  await turn();
  expect(loader.get(at(1))).toBeNull();
});

it('says what went wrong, and asks again when it is told to', async () => {
  const { asked, waiting, source } = held();
  const loader = new MapLoader(source);
  loader.want([at(1)]);
  waiting.get(1)?.fail();
  await turn();
  expect([loader.error(at(1)), loader.settled(at(1))]).toEqual(['They were thinned.', true]);
  loader.want([at(1)]);
  expect(asked).toEqual([1]);
  loader.retry();
  expect(asked).toEqual([1, 1]);
});

it('keeps those used last, up to a number of bytes', async () => {
  const { waiting, source } = held();
  const loader = new MapLoader(source, 8); // two maps
  for (const step of [1, 2]) {
    loader.want([at(step)]);
    waiting.get(step)?.give();
    await turn();
  }
  loader.get(at(1));
  loader.want([at(3)]);
  waiting.get(3)?.give();
  await turn();
  expect([1, 2, 3].map((step) => loader.get(at(step)) !== null)).toEqual([true, false, true]);
});
