import { expect, it } from 'vitest';
import { SyntheticSource } from '../source/synthetic';
import { comparable } from './comparable';

it('compares points where probe and heads are the same, else health, else nothing', async () => {
  const [run] = (await new SyntheticSource({ heads: [4, 4] }).runs()).runs;
  if (!run) throw new Error('no run');
  const other = { ...run, run: 'other' };
  expect(comparable(run, other)).toEqual({ points: true, heads: true, sentence: null });

  const probe = comparable(run, { ...other, probe: 'another' });
  expect([probe.points, probe.heads]).toEqual([false, true]);
  expect(probe.sentence).toMatch(/^other was recorded with another probe/);

  const across = run.layers.map((layer) => ({ ...layer, keys_of: 'key_tokens' as const }));
  const tokens = comparable(run, { ...other, layers: across });
  expect([tokens.points, tokens.heads]).toEqual([false, true]);
  expect(tokens.sentence).toMatch('other has layers that attend among other tokens than those of synthetic');

  const layers = run.layers.slice(0, 1).map((layer) => ({ ...layer, heads: 6 }));
  const shape = comparable(run, { ...other, layers });
  expect([shape.points, shape.heads]).toEqual([false, false]);
  expect(shape.sentence).toMatch('1 layer × 6 heads, synthetic has 2 layers × 4 heads');
});

it('compares no heads that are others of the model', async () => {
  const [run] = (await new SyntheticSource({ heads: [4, 4] }).runs()).runs;
  if (!run) throw new Error('no run');
  const other = { ...run, run: 'other' };
  const layers = run.layers.map((layer) => ({ ...layer, number: layer.number + 2 }));
  expect(comparable(run, { ...other, layers })).toEqual({
    points: false,
    heads: false,
    sentence:
      'other recorded layers 2, 3 of the model, synthetic layers 0, 1: no head has its counterpart, so nothing can be compared.',
  });
  const heads = run.layers.map((layer, i) => (i === 0 ? layer : { ...layer, head_numbers: [4, 5, 6, 7] }));
  const chosen = comparable(run, { ...other, layers: heads });
  expect([chosen.points, chosen.heads]).toEqual([false, false]);
  expect(chosen.sentence).toMatch(
    'other recorded heads 4, 5, 6, 7 of layer 1 of the model, synthetic heads 0, 1, 2, 3 of layer 1',
  );
});

it('takes probes of equal size for the same where the server does not tell them apart', async () => {
  const [run] = (await new SyntheticSource().runs()).runs;
  if (!run) throw new Error('no run');
  const { probe, ...old } = run;
  expect(probe).toBeDefined();
  expect(comparable(old, { ...old, run: 'other' }).points).toBe(true);
  expect(comparable(old, { ...old, run: 'other', queries: 7 }).points).toBe(false);
});
