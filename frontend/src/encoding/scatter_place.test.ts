import { expect, it } from 'vitest';
import { Scatter } from './scatter.svelte';
import { enterScatter, placeOfScatter, readScatter } from './scatter_place';

const read = (pairs: Record<string, string>) => readScatter(new Map(Object.entries(pairs)));

it.each([{}, { size: 'norm' }, { words: 'off' }, { patches: 'off' }, { lines: 'off' }, { lines: '5.20' }])(
  'keeps %o',
  (place) => {
    const scatter = new Scatter();
    enterScatter(read(place), scatter);
    expect(placeOfScatter(scatter)).toEqual(place);
  },
);

it('takes nothing that there is not', () => {
  expect(read({ size: 'weight', words: 'on', lines: '4.20' })).toEqual({});
  expect(read({ lines: '2.99' })).toEqual({});
});
