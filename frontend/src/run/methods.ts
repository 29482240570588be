import type { Method } from './projection';
import { address, DEFAULT_PROJECTION, type Projection } from './projection';

/** What the methods are called on screen, and say in a line. */
export const METHOD_NAMES: Readonly<Record<Method, string>> = {
  biplot: 'Biplot',
  pca: 'PCA',
  tsne: 't-SNE',
  umap: 'UMAP',
  attention: 'Attention',
};

export const METHOD_READS: Readonly<Record<Method, string>> = {
  biplot: 'Biplot: dot products on screen stand for logits.',
  pca: 'PCA: the directions of greatest spread.',
  tsne: 't-SNE: who is near whom; distances between groups say little. Takes seconds a head.',
  umap: 'UMAP: who is near whom, groups drawn together. Takes seconds a head.',
  attention:
    'Attention: queries lie at the keys that they attend to, and what is alike lies together. Takes seconds a head.',
};

/** The method, and those of its parameters that are not the usual ones. */
export function projectionName(projection: Projection): string {
  const usual = address({ ...DEFAULT_PROJECTION, method: projection.method });
  const own = Object.entries(address(projection)).filter(([name, value]) => value !== usual[name]);
  const told = own.map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`);
  return [METHOD_NAMES[projection.method], ...told].join(', ');
}
