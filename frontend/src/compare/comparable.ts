import type { Layer, Run } from '../run/types';

/** Numbers of layers, or heads, in a sentence. */
const MOST_LISTED = 12;

/** What of two runs can be laid side by side. */
export interface Comparable {
  /** Whether a point of one is the same token of the same head in the other. */
  readonly points: boolean;
  /** Whether a head of one has its counterpart in the other. */
  readonly heads: boolean;
  /** What cannot be compared, and what can; null where everything can. */
  readonly sentence: string | null;
}

export function comparable(shown: Run, other: Run): Comparable {
  const heads = (run: Run) => run.layers.map((layer) => layer.heads);
  if (heads(shown).join() !== heads(other).join()) {
    const sentence = `${other.run} has ${shape(heads(other))}, ${shown.run} has ${shape(heads(shown))}: no head has its counterpart, so nothing can be compared.`;
    return { points: false, heads: false, sentence };
  }
  const at = shown.layers.findIndex((layer, i) => inModel(layer) !== inModel(other.layers[i]));
  if (at >= 0) {
    const [here, there] = whichAreOthers(shown.layers, other.layers, at);
    const sentence = `${other.run} recorded ${there} of the model, ${shown.run} ${here}: no head has its counterpart, so nothing can be compared.`;
    return { points: false, heads: false, sentence };
  }
  if (tokens(shown) !== tokens(other)) {
    const sentence = `${other.run} has layers that attend among other tokens than those of ${shown.run}: the health of its heads can be compared, their points cannot.`;
    return { points: false, heads: true, sentence };
  }
  if (sameProbe(shown, other)) return { points: true, heads: true, sentence: null };
  const sentence = `${other.run} was recorded with another probe: the health of its heads can be compared, their points cannot.`;
  return { points: false, heads: true, sentence };
}

/** Which of the model's layers it is, and which of its heads. */
function inModel(layer: Layer | undefined): string {
  return `${layer?.number}: ${layer?.head_numbers.join(', ')}`;
}

/** What two runs recorded of as many layers, where they differ: other layers, or of the layer at this place other heads. */
function whichAreOthers(here: readonly Layer[], there: readonly Layer[], at: number): string[] {
  const [mine, others] = [here, there].map((layers) =>
    list(
      'layer',
      layers.map(({ number }) => number),
    ),
  );
  if (mine !== others) return [mine ?? '', others ?? ''];
  return [here[at], there[at]].map(
    (layer) => `${list('head', layer?.head_numbers ?? [])} of layer ${layer?.number}`,
  );
}

/** "layers 0, 1"; of many the first ones. */
function list(noun: string, numbers: readonly number[]): string {
  const told = numbers.length > MOST_LISTED ? [...numbers.slice(0, MOST_LISTED), '…'] : numbers;
  return `${noun}${numbers.length === 1 ? '' : 's'} ${told.join(', ')}`;
}

/** Which tokens each layer attends from and to, as one text. */
function tokens({ layers }: Run): string {
  return JSON.stringify(
    layers.map(({ queries_of, keys_of, query_grid, key_grid }) => [
      queries_of,
      keys_of,
      query_grid,
      key_grid,
    ]),
  );
}

function sameProbe(a: Run, b: Run): boolean {
  if (a.probe && b.probe) return a.probe === b.probe;
  return a.sequences === b.sequences && a.queries === b.queries && a.keys === b.keys;
}

/** "12 layers × 12 heads"; of ragged ones the sum. */
function shape(heads: readonly number[]): string {
  const [first = 0] = heads;
  const even = heads.every((count) => count === first);
  const layers = `${heads.length} ${heads.length === 1 ? 'layer' : 'layers'}`;
  return even
    ? `${layers} × ${first} heads`
    : `${layers} with ${heads.reduce((sum, count) => sum + count, 0)} heads`;
}
