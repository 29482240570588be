import { expect, it } from 'vitest';
import { Axes } from './axes.svelte';

it('knows which checkpoints came after its frame, and takes the newest one when asked to', () => {
  const playback = { steps: [0, 100, 200], pinned: null };
  const axes = new Axes(playback);
  expect([axes.newest, axes.newer]).toEqual([200, 0]); // without a frame none is newer
  axes.frame = 0;
  expect(axes.newer).toBe(2);
  axes.refit();
  expect([axes.frame, axes.newer]).toEqual([200, 0]);
});

it('goes on with another projection after one that was stopped', () => {
  const axes = new Axes({ steps: [], pinned: null });
  axes.project({ method: 'tsne' });
  expect([axes.slow, axes.projection.method, axes.projection.perplexity]).toEqual([true, 'tsne', 30]);
  axes.stopped = true;
  axes.project({ perplexity: 50 });
  expect([axes.stopped, axes.projection.method, axes.projection.perplexity]).toEqual([false, 'tsne', 50]);
  axes.project({ method: 'pca' });
  expect(axes.slow).toBe(false);
});
