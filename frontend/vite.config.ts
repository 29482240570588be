import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    outDir: '../tb_attnviz/static',
    emptyOutDir: true,
    modulePreload: false,
    license: { fileName: 'licences.md' }, // of what is bundled
    chunkSizeWarningLimit: 1000,
    // No `lib`: of an ES module it would keep the white space. TensorBoard imports exactly this file, and what it
    // exports, so nothing may be split off it.
    rolldownOptions: {
      input: 'src/index.ts',
      preserveEntrySignatures: 'strict',
      output: { format: 'es', entryFileNames: 'index.js', codeSplitting: false },
    },
  },
});
