import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ExportViews } from './views.svelte';

const FOLLOWING = 4;
beforeEach(() => {
  vi.stubGlobal('Node', { DOCUMENT_POSITION_FOLLOWING: FOLLOWING });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** What stands at this place of the page. */
function elementAt(at: number): HTMLElement {
  const element = {
    at,
    compareDocumentPosition: (other: { at: number }) => (other.at > at ? FOLLOWING : 2),
  };
  return element as unknown as HTMLElement;
}

it('has what is on screen, in the order of the page, for as long as it is there', () => {
  const exportViews = new ExportViews();
  const kinds = () => exportViews.shown.map(({ kind }) => kind);
  exportViews.show('timeline')(elementAt(3));
  const leave = exportViews.show('head')(elementAt(2));
  exportViews.show('matrix')(elementAt(1));
  expect(kinds()).toEqual(['matrix', 'head', 'timeline']);
  leave?.();
  expect(kinds()).toEqual(['matrix', 'timeline']);
});
