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

it('takes probes of equal size for the same where the server does not tell them apart', async () => {
  const [run] = (await new SyntheticSource().runs()).runs;
  if (!run) throw new Error('no run');
  const { probe, ...old } = run;
  expect(probe).toBeDefined();
  expect(comparable(old, { ...old, run: 'other' }).points).toBe(true);
  expect(comparable(old, { ...old, run: 'other', queries: 7 }).points).toBe(false);
});
