import { flushSync } from 'svelte';
import { expect, it, vi } from 'vitest';
import type { DataSource } from '../run/source';
import { RunHealth } from './run_health.svelte';
import { sourceOf } from './shown_health.fixture.svelte';

it('reads the figures once they are here, and tints by one that the run has', async () => {
  const source = sourceOf(() => ({ run: 'a', steps: [0], heads: [2], figures: { entropy: [[0.5, 0.25]] } }));
  let health!: RunHealth;
  const end = $effect.root(() => {
    health = new RunHealth(() => ({ steps: [0], figures: [], head: null }));
    health.begin();
  });
  expect([health.figures, health.series]).toEqual([null, null]);
  health.update(source as DataSource, 'a');
  expect(health.busy).toBe(true);
  await vi.waitFor(() => {
    flushSync();
    expect([...(health.series?.at(0) ?? [])]).toEqual([0.5, 0.25]);
  });
  health.tint = 'induction';
  expect(health.series).toBeNull(); // not recorded with this run
  health.leave();
  expect(health.figures).toBeNull();
  end();
});
