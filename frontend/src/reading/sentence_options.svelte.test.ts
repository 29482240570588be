import { expect, it } from 'vitest';
import { runOf } from '../run/run.fixture';
import { SentenceOptions } from './sentence_options.svelte';

function entered(said: Record<string, string>, inLinks = true): SentenceOptions {
  const options = new SentenceOptions(() => inLinks);
  options.settings.enter(new Map(Object.entries(said)), runOf());
  return options;
}

it.each([
  {},
  { form: 'map', cell: '12.5' },
  { weight: 'values' },
  { mean: '1', position: '4k' },
  { hide: 'special.first' },
  { hide: 'first', top: '3', least: '5' },
  { shows: 'pinned' },
])('keeps %o', (said) => {
  expect(entered(said as Record<string, string>).settings.said).toEqual(said);
});

it('takes nothing that there is not', () => {
  const wrong = {
    form: 'tree',
    top: '4',
    least: '99',
    hide: 'all',
    shows: 'both',
    large: 'both',
    cell: '0',
    position: '1q',
  };
  expect(entered({ ...wrong, mean: '1' }).settings.said).toEqual({ mean: '1' });
});

it('says what is hidden in one order, and a position only of the mean', () => {
  const options = entered({ hide: 'first.special.first', position: '4' });
  expect([options.hidesSpecial, options.hidesFirst, options.position]).toEqual([
    true,
    true,
    { side: 'query', token: 4 },
  ]);
  expect(options.settings.said).toEqual({ hide: 'special.first' });
});

it('is said while it is shown', () => {
  expect(entered({ form: 'map' }, false).settings.said).toEqual({});
});
