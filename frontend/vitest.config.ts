import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Node would get Svelte's server half, which has no effects.
  resolve: { conditions: ['browser'] },
  test: { environment: './effects.environment.ts', server: { deps: { inline: ['svelte'] } } },
});
