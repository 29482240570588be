import { expect, it } from 'vitest';
import { enterImageView, placeOfImageView, readImageView } from './image_place';
import type { ImageView } from './image_view.svelte';

const read = (pairs: Record<string, string>) => readImageView(new Map(Object.entries(pairs)));

it.each([{}, { shade: 'fade' }, { shade: 'none', drawn: 'arrows' }, { drawn: 'links', links_from: '25' }])(
  'keeps %o',
  (pairs) => {
    const view = { shade: 'fade', drawn: 'links', least: 3 } as unknown as ImageView;
    const place = read(pairs as Record<string, string>);
    enterImageView(place, view);
    expect(placeOfImageView(view)).toEqual(place);
    expect(Object.keys(place)).toEqual(Object.keys(pairs));
  },
);

it('takes nothing that there is not', () => {
  expect(read({ shade: 'dark', drawn: 'all', links_from: '90' })).toEqual({});
});
