/** @type {import('@sveltejs/vite-plugin-svelte').SvelteConfig} */
export default {
  compilerOptions: {
    runes: true,
    // TensorBoard imports one JavaScript module and no style sheet, so the styles travel in it.
    css: 'injected',
  },
};
