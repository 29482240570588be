import type { Layer } from './types';

/** Which part of a model a layer is in, told from its module's path and from whom it attends to. */

type Module = Pick<Layer, 'name' | 'attends'>;

/** A module's layers, which stand together. */
export interface LayerGroup {
  readonly title: string;
  readonly layers: readonly number[];
}

interface ModulePart {
  /** Vision, Text, Audio, or nothing. */
  readonly tower: string;
  /** Decoder, Encoder, or nothing. */
  readonly side: string;
  readonly cross: boolean;
}

const TOWERS = [
  ['Vision', /vision|visual|image/],
  ['Text', /text|language/],
  ['Audio', /audio|speech/],
] as const;
const SIDES = [
  ['Decoder', /decoder/],
  ['Encoder', /encoder/],
] as const;
/** In the name of a module that attends to another sequence the word is whom it attends to: T5's EncDecAttention, BART's encoder_attn, GPT-2's
 * crossattention, PyTorch's multihead_attn (of a decoder's layer; an encoder's has only self_attn). */
const CROSS = /cross|encdec|encoder_attn|^multihead_attn$/;

/** Layers of one part of the model together, in the order of their first layers; a title names what tells it from the
 * others, and is empty where all layers are in one part. */
export function groupLayers(layers: readonly Module[]): LayerGroup[] {
  const parts = layers.map(partOf);
  const differ = <K extends keyof ModulePart>(key: K) => new Set(parts.map((part) => part[key])).size > 1;
  const [towers, sides, crosses] = [differ('tower'), differ('side'), differ('cross')];
  const groups = new Map<string, { title: string; layers: number[] }>();
  parts.forEach(({ tower, side, cross }, layer) => {
    const words = [towers ? tower : '', sides ? side : ''].filter((word) => word !== '');
    if (cross && crosses) words.push('cross-attention');
    else if (crosses && words.length === 0) words.push('self-attention');
    const title = sentenceCase(words.join(' '));
    const group = groups.get(title) ?? { title, layers: [] };
    group.layers.push(layer);
    groups.set(title, group);
  });
  // What no word names stands beside parts that have one.
  return [...groups.values()].map(({ title, layers }) => ({
    title: title === '' && groups.size > 1 ? 'Other' : title,
    layers,
  }));
}

export function partOf({ name, attends }: Module): ModulePart {
  const segments = name.toLowerCase().split('.');
  const around = segments.filter((segment) => !CROSS.test(segment));
  const named = (choices: readonly (readonly [string, RegExp])[]) =>
    choices.find(([, pattern]) => around.some((segment) => pattern.test(segment)))?.[0] ?? '';
  return { tower: named(TOWERS), side: named(SIDES), cross: attends === 'cross' };
}

function sentenceCase(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}
