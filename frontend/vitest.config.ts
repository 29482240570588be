import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Node would get Svelte's server half, which has no effects.
  resolve: { conditions: ['browser'] },
  test: {
    environment: './effects.environment.ts',
    server: { deps: { inline: ['svelte'] } },
    // Modules are loaded once for all files, which takes a quarter of the time: a test leaves no global behind.
    pool: 'threads',
    isolate: false,
    unstubGlobals: true,
    expect: { requireAssertions: true },
    testTimeout: 60_000, // for machines that do much else
  },
});
