import { expect, it } from 'vitest';
import { layerOf } from '../run/layer.fixture';
import { runOf } from '../run/run.fixture';
import type { Layer } from '../run/types';
import { comparable } from './comparable';

const layer = (name: string, number: number, parts: Partial<Layer> = {}) =>
  layerOf({ name, number, heads: 2, head_numbers: [0, 1], ...parts });
const [A, B, C] = [layer('a', 0), layer('b', 1), layer('c', 2)];
const shown = runOf({ run: 'shown', probe: 'p', layers: [A, B] });
const other = { ...shown, run: 'other' };

it('compares points where the probe is the same, else health', () => {
  const all = { heads: [0, 1], points: [0, 1], missing: null, sentence: null };
  expect(comparable(shown, other)).toEqual(all);
  const probe = comparable(shown, { ...other, probe: 'another' });
  expect([probe.points, probe.heads, probe.missing]).toEqual([[null, null], [0, 1], null]);
  expect(probe.sentence).toMatch(/^other was recorded with another probe/);
});

it('compares a layer with the one of its name, and names those that one of the two did not record', () => {
  const some = comparable(shown, {
    ...other,
    layers: [
      { ...C, number: 0 },
      { ...B, number: 1 },
    ],
  });
  expect([some.heads, some.points]).toEqual([
    [null, 1],
    [null, 1],
  ]);
  expect(some.sentence).toBe(
    'Not compared: a (L0), which other did not record; c (L0), which shown did not record.',
  );
  const moved = comparable(shown, { ...other, layers: [B, A] });
  expect([moved.heads, moved.sentence]).toEqual([[1, 0], null]);
});

it('compares no heads that are others, and no points of other tokens', () => {
  const heads = comparable(shown, { ...other, layers: [layer('a', 0, { head_numbers: [4, 5] }), B] });
  expect([heads.heads, heads.sentence]).toEqual([
    [null, 1],
    'Not compared: a (L0), of which other has other heads.',
  ]);
  const tokens = comparable(shown, { ...other, layers: [A, layer('b', 1, { keys_of: 'key_tokens' })] });
  expect([tokens.heads, tokens.points]).toEqual([
    [0, 1],
    [0, null],
  ]);
  expect(tokens.sentence).toMatch(/^Of b \(L1\) only the health is compared: in other/);
});

it('says what was recorded where nothing can be compared', () => {
  const nothing = comparable(shown, { ...other, layers: [C] });
  expect([nothing.heads, nothing.points]).toEqual([
    [null, null],
    [null, null],
  ]);
  expect(nothing.sentence).toBe(
    'other recorded c with 2 heads, shown a with 2 heads, b with 2 heads: no head has its counterpart, so nothing can be compared.',
  );
});

it('takes probes of equal size for the same where the server does not tell them apart', () => {
  const { probe: _, ...old } = shown;
  expect(comparable(old, { ...old, run: 'other' }).points).toEqual([0, 1]);
  expect(comparable(old, { ...old, run: 'other', queries: 7 }).points).toEqual([null, null]);
});
