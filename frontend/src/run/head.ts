import { type Codec, codec } from './setting';

/** A head among those of a run: both numbers count from 0, in the order of the forward pass. */
export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

/** Heads in a link, `5-3.0-11`: layer and head of each, as far as the run has them; none is unsaid. */
export const headList: Codec<readonly HeadPlace[]> = codec(
  (text, run) => {
    const found = text.split('.').flatMap((said): HeadPlace[] => {
      const [, layer, head] = /^(\d{1,4})-(\d{1,4})$/.exec(said) ?? [];
      return Number(head) < (run.layers[Number(layer)]?.heads ?? 0)
        ? [{ layer: Number(layer), head: Number(head) }]
        : [];
    });
    return found.length > 0 ? found : undefined;
  },
  (heads) => heads.map(({ layer, head }) => `${layer}-${head}`).join('.'),
);

/** Layers in a link, `0.5.11`, as far as the run has them; none is unsaid. */
export const layerList: Codec<readonly number[]> = codec(
  (text, run) => {
    const found = text.split('.').filter((said) => /^\d{1,4}$/.test(said) && run.layers[Number(said)]);
    return found.length > 0 ? [...new Set(found.map(Number))].sort((a, b) => a - b) : undefined;
  },
  (layers) => layers.join('.'),
);
