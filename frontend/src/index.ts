import { mount } from 'svelte';
import App from './app/App.svelte';
import { showPage } from './archived';
import { findHost } from './base/host';
import { HttpSource } from './source/http';

/** TensorBoard calls this once, in the empty document of the tab's iframe. The routes lie one folder above this
 * module, whatever path prefix TensorBoard runs under. */
export function render(): void {
  const source = new HttpSource(new URL('../', import.meta.url));
  mount(App, { target: document.body, props: { source, host: findHost() } });
}

showPage(document);
