import { mount } from 'svelte';
import App from './app/App.svelte';
import { followColours, showPage } from './archived';
import { findHost } from './base/host';
import { HttpSource } from './source/http';

/** TensorBoard calls this once, in the empty document of the tab's iframe. The routes lie one folder above this
 * module, whatever path prefix TensorBoard runs under. */
export function render(): void {
  const source = new HttpSource(new URL('../', import.meta.url));
  mount(App, { target: document.body, props: { source, host: findHost() } });
}

/** The same tab with a page of its own, which follows the colours that the reader's system prefers. */
export function renderAlone(): void {
  followColours(document);
  render();
}

showPage(document);
