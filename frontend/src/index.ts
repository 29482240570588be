import { mount } from 'svelte';
import { HttpSource } from './api/http';
import { showPage } from './archived';
import { findHost } from './state/host';
import App from './views/App.svelte';

/** TensorBoard calls this once, in the empty document of the tab's iframe. The routes lie one folder above this
 * module, whatever path prefix TensorBoard runs under. */
export function render(): void {
  const source = new HttpSource(new URL('../', import.meta.url));
  mount(App, { target: document.body, props: { source, host: findHost() } });
}

showPage(document);
