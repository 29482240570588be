import { expect, it } from 'vitest';
import type { HeadPlace } from '../run/head';
import { layerOf } from '../run/layer.fixture';
import { indexTokens, type TokenIndex } from '../run/places';
import { Colourings } from './colourings.svelte';
import { Scatter } from './scatter.svelte';

const labelled = indexTokens({
  run: 'run',
  sequences: [{ kind: 'text', tokens: ['a', 'b'], repeat: null, labels: { tag: ['X', 'Y'] } }],
});

/** @param values whether each layer's norms of values were recorded */
function made(probe: TokenIndex | null, ...values: readonly boolean[]) {
  const scatter = new Scatter();
  const focus: { opened: HeadPlace | null } = { opened: null };
  const data = { layers: values.map((own) => layerOf({ values: own })), probe: { value: probe } };
  return { scatter, focus, colourings: new Colourings({ data, scatter, focus }) };
}

it('tells the kind where the probe has not what a link names', () => {
  const { scatter, colourings } = made(labelled);
  scatter.colouring = 'label:tag';
  expect([colourings.chosen.title, colourings.figure]).toEqual(['tag', null]);
  scatter.colouring = 'label:nothing';
  expect(colourings.chosen.id).toBe('kind');
  expect(made(null).colourings.all.some(({ group }) => group === 'Labels')).toBe(false);
});

it('says which figure of the samples is wanted', () => {
  const { scatter, colourings } = made(labelled);
  scatter.colouring = 'entropy';
  expect(colourings.figure).toBe('entropy');
  scatter.colouring = 'tears';
  expect(colourings.figure).toBeNull();
});

it('has norms of values where any layer has them', () => {
  const ids = (...values: boolean[]) => made(labelled, ...values).colourings.all.map(({ id }) => id);
  expect(ids(false, false)).not.toContain('value_norm');
  expect(ids(false, true)).toContain('value_norm');
});

it('is named in links by what it shows, once the probe is here, and takes errors from a link to an opened head', () => {
  const early = made(null).colourings;
  early.named = 'label:tag';
  expect(early.named).toBe('label:tag');
  const { focus, colourings } = made(labelled);
  colourings.named = 'label:nothing';
  expect(colourings.named).toBe('kind');
  colourings.named = 'tears';
  expect(colourings.named).toBe('kind');
  focus.opened = { layer: 0, head: 0 };
  colourings.named = 'tears';
  expect(colourings.named).toBe('tears');
});
