import type { Environment } from 'vitest/runtime';

/** Node, with Svelte's client half in it: tests of what follows from what need effects, and no page. */
export default {
  name: 'effects',
  viteEnvironment: 'client',
  setup: () => ({ teardown() {} }),
} satisfies Environment;
