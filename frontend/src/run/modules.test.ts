import { describe, expect, it } from 'vitest';
import { groupLayers } from './modules';

const CROSS = /EncDecAttention|encoder_attn|multihead_attn|crossattention|attn2/;
const layers = (names: string[]) =>
  names.map((name) => ({ name, attends: CROSS.test(name) ? ('cross' as const) : ('self' as const) }));
const titles = (...names: string[]) =>
  groupLayers(layers(names)).map(({ title, layers }) => [title, ...layers]);

describe('modules', () => {
  it('are one group where all layers are of one kind', () => {
    expect(titles('bert.encoder.layer.0.attention.self', 'bert.encoder.layer.1.attention.self')).toEqual([
      ['', 0, 1],
    ]);
    expect(titles('h.0.attn', 'h.1.attn')).toEqual([['', 0, 1]]);
    expect(groupLayers([])).toEqual([]);
  });

  it('tell encoder, decoder and cross-attention apart', () => {
    const t5 = [
      'encoder.block.0.layer.0.SelfAttention',
      'decoder.block.0.layer.0.SelfAttention',
      'decoder.block.0.layer.1.EncDecAttention',
      'decoder.block.1.layer.0.SelfAttention',
      'decoder.block.1.layer.1.EncDecAttention',
    ];
    const expected = [
      ['Encoder', 0],
      ['Decoder', 1, 3],
      ['Decoder cross-attention', 2, 4],
    ];
    expect(titles(...t5)).toEqual(expected);
    const bart = [
      'model.encoder.layers.0.self_attn',
      'model.decoder.layers.0.self_attn',
      'model.decoder.layers.0.encoder_attn',
      'model.decoder.layers.1.self_attn',
      'model.decoder.layers.1.encoder_attn',
    ];
    expect(titles(...bart)).toEqual(expected);
    const pytorch = bart.map((name) => name.replace('encoder_attn', 'multihead_attn'));
    expect(titles(...pytorch)).toEqual(expected);
  });

  it('tell cross-attention where there is no encoder', () => {
    expect(titles('h.0.attn', 'h.0.crossattention', 'h.1.attn')).toEqual([
      ['Self-attention', 0, 2],
      ['Cross-attention', 1],
    ]);
  });

  it('tell cross-attention by what it attends to, whatever it is called', () => {
    expect(titles('blocks.0.attn1', 'blocks.0.attn2')).toEqual([
      ['Self-attention', 0],
      ['Cross-attention', 1],
    ]);
    expect(groupLayers([{ name: 'h.0.crossattention', attends: 'self' }])).toEqual([
      { title: '', layers: [0] },
    ]);
  });

  it('tell towers apart, by what differs only', () => {
    expect(
      titles(
        'text_model.encoder.layers.0.self_attn',
        'text_model.encoder.layers.1.self_attn',
        'vision_model.encoder.layers.0.self_attn',
      ),
    ).toEqual([
      ['Text', 0, 1],
      ['Vision', 2],
    ]);
    expect(titles('vision_tower.blocks.0.attn1', 'layers.0.self_attn')).toEqual([
      ['Vision', 0],
      ['Other', 1],
    ]);
  });
});
