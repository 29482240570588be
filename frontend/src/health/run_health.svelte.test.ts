import { expect, it } from 'vitest';
import { RunHealth } from './run_health.svelte';

it('reads the figures once they are here, and tints by one that the run has', async () => {
  const health = new RunHealth();
  expect([health.figures, health.series]).toEqual([null, null]);
  health.tint = 'entropy';
  const document = { run: 'a', steps: [0], heads: [2], digest: '', figures: { entropy: [[0.5, 0.25]] } };
  await health.document.load(async () => document);
  expect([...(health.series?.values ?? [])]).toEqual([0.5, 0.25]);
  health.tint = 'induction';
  expect(health.series).toBeNull(); // not recorded with this run
  health.document.clear();
  expect(health.figures).toBeNull();
});
