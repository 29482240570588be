import { mount } from 'svelte';
import App from './app/App.svelte';
import { findHost } from './base/host';
import { ArchiveSource } from './source/archive';

/** A page written by `tb-attnviz export` has its data beside this module: it is shown as soon as it is read. */
export function showPage(page: Document): void {
  const index = textOf(page, 'page');
  if (index === null) return;
  followColours(page);
  const source = new ArchiveSource(JSON.parse(index), (name) => textOf(page, name));
  mount(App, { target: page.body, props: { source, host: findHost() } });
}

/** Dark where the reader's system is, as TensorBoard says it of its own page. */
export function followColours(page: Document): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => page.body.classList.toggle('dark-mode', dark.matches);
  follow();
  dark.addEventListener('change', follow);
}

function textOf(page: Document, name: string): string | null {
  return page.getElementById(`attnviz-${name}`)?.textContent ?? null;
}
