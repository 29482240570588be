import { expect, it } from 'vitest';
import type { Pen } from '../render/svg_context';
import { drawMap } from './map';
import { positionNames } from './mean_positions';
import type { Panel } from './panel';
import type { SideTokens } from './sentence.svelte';

/** What is written beside a map whose cells have no room for words. */
function labelsOf(tokens: readonly string[], positions: boolean): string[] {
  const written: string[] = [];
  const pen = new Proxy({} as Pen, {
    get: (_, name) => {
      if (name === 'fillText') return (text: string) => written.push(text);
      if (name === 'measureText') return (text: string) => ({ width: 6 * text.length });
      return () => {};
    },
    set: () => true,
  });
  const side: SideTokens = {
    ...{ list: 0, title: '', raw: tokens, tokens },
    ...{ gone: tokens.map(() => false), positions },
  };
  drawMap(pen, {
    panel: { drawn: null, signed: false } as unknown as Panel,
    sides: { query: side, key: side },
    selected: null,
    hovered: null,
    sheet: { cell: 4, left: 26, top: 26, words: false },
    scroll: { x: 0, y: 0 },
    width: 300,
    height: 300,
    dark: false,
  });
  return written.slice(0, written.length / 2);
}

it('numbers tokens, and names positions of a mean as its words say: from both ends', () => {
  const words = Array.from({ length: 41 }, (_, i) => `word${i}`);
  expect(labelsOf(words, false)).toEqual(['0', '10', '20', '30', '40']);
  expect(labelsOf(positionNames([40, 41]), true)).toEqual(['0', '10', '20', '−11', '−1']);
});
