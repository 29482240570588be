import { expect, it } from 'vitest';
import { layerOf } from './layer.fixture';
import { layerTokens, listsOf } from './lists';
import { attentionTitle, listTitles } from './sides';
import type { Layer, Run, Sequence } from './types';

const layer = (name: string, parts: Partial<Layer> = {}) => layerOf({ ...parts, name });
const cross = (name: string) => layer(name, { attends: 'cross', keys_of: 'key_tokens', keys: 3 });
const other = (name: string) =>
  layer(name, { queries_of: 'key_tokens', keys_of: 'key_tokens', queries: 3, keys: 3 });
const side = (kind: string): Sequence => ({ kind, tokens: ['a'], repeat: null });

function titles(layers: Layer[], kind = 'text', otherKind = 'text'): string[] {
  const lists = listsOf({ queries: 5, keys: 5, layers } as unknown as Run);
  const names = listTitles(lists, layers, { ...side(kind), key_tokens: side(otherKind) });
  return layers.map((each) => attentionTitle(each, layerTokens(lists, each), lists, names));
}

it('are called as the parts of the model', () => {
  const t5 = [
    other('encoder.block.0.layer.0.SelfAttention'),
    layer('decoder.block.0.layer.0.SelfAttention'),
    cross('decoder.block.0.layer.1.EncDecAttention'),
  ];
  expect(titles(t5)).toEqual([
    'self-attention among encoder tokens',
    'self-attention among decoder tokens',
    'cross-attention: decoder tokens attend to encoder tokens',
  ]);
  expect(titles(t5.slice(1))[1]).toBe('cross-attention: decoder tokens attend to encoder tokens');
});

it('are called as what they are of where the model does not say', () => {
  const [, found] = titles([layer('blocks.0.attn1'), cross('blocks.0.attn2')], 'image', 'text');
  expect(found).toBe('cross-attention: image tokens attend to text tokens');
});

it('are called decoder and encoder where nothing else says who reads whom', () => {
  // BERT's stack is called encoder, also where it reads the states of another one.
  const [self, across] = titles([
    layer('encoder.layer.0.attention'),
    cross('encoder.layer.0.crossattention'),
  ]);
  expect(self).toBe('self-attention among decoder tokens');
  expect(across).toBe('cross-attention: decoder tokens attend to encoder tokens');
});

it('are called by their size where layers have grids of their own', () => {
  const [fine, coarse, whole] = [
    { rows: 28, columns: 28 },
    { rows: 14, columns: 14 },
    { rows: 1, columns: 1 },
  ];
  expect(
    titles([
      layer('a', { query_grid: fine, key_grid: fine }),
      layer('b', { query_grid: fine, key_grid: coarse }),
      layer('c', { query_grid: whole, key_grid: fine }),
    ]),
  ).toEqual([
    'self-attention among 28 × 28 patches',
    'self-attention: 28 × 28 patches attend to 14 × 14 patches',
    'self-attention: whole sequences attend to 28 × 28 patches',
  ]);
});
