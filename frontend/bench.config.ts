import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The page of benchmarks/browser.py, which says where it is built to.
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    lib: { entry: 'src/bench.ts', formats: ['es'], fileName: () => 'bench.js' },
  },
});
