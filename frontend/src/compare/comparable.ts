import { counterparts } from '../run/counterparts';
import type { Layer, Run } from '../run/types';

/** Names of layers in a sentence. */
const MOST_LISTED = 12;

/** What of two runs can be laid side by side. */
export interface Comparable {
  /** Of each layer of the shown run the other's number of it: where its heads have counterparts, and where their points have; null
   * elsewhere. */
  readonly heads: readonly (number | null)[];
  readonly points: readonly (number | null)[];
  /** Which layers are not compared; null where all are. */
  readonly missing: string | null;
  /** The same, and what else cannot be compared. */
  readonly sentence: string | null;
}

export function comparable(shown: Run, other: Run): Comparable {
  const heads = counterparts(shown, other);
  const nothing = shown.layers.map(() => null);
  if (heads.every((there) => there === null)) {
    const missing = `${other.run} recorded ${recorded(other)}, ${shown.run} ${recorded(shown)}: no head has its counterpart, so nothing can be compared.`;
    return { heads, points: nothing, missing, sentence: missing };
  }
  const missing = missingOf(shown, other, heads);
  if (!sameProbe(shown, other)) {
    const says = `${other.run} was recorded with another probe: the health of its heads can be compared, their points cannot.`;
    return { heads, points: nothing, missing, sentence: both(says, missing) };
  }
  const points = heads.map((there, i) => {
    const [mine, its] = [shown.layers[i], there === null ? undefined : other.layers[there]];
    return mine && its && drawnAlike(mine, its) ? there : null;
  });
  const apart = shown.layers.filter((_, i) => heads[i] !== null && points[i] === null);
  const says =
    apart.length > 0
      ? `Of ${list(apart)} only the health is compared: in ${other.run} heads there have vectors of another length, or attend among other tokens.`
      : null;
  return { heads, points, missing, sentence: both(missing, says) };
}

/** "Not compared: blocks.1.attention (L1), which b did not record." */
function missingOf(shown: Run, other: Run, heads: readonly (number | null)[]): string | null {
  const alone = shown.layers.filter((_, i) => heads[i] === null);
  const named = new Set(other.layers.map(({ name }) => name));
  const parts = [
    [alone.filter(({ name }) => !named.has(name)), `which ${other.run} did not record`],
    [alone.filter(({ name }) => named.has(name)), `of which ${other.run} has other heads`],
    [
      other.layers.filter(({ name }) => !shown.layers.some((layer) => layer.name === name)),
      `which ${shown.run} did not record`,
    ],
  ] as const;
  const told = parts.flatMap(([layers, why]) => (layers.length > 0 ? [`${list(layers)}, ${why}`] : []));
  return told.length > 0 ? `Not compared: ${told.join('; ')}.` : null;
}

function both(...sentences: readonly (string | null)[]): string | null {
  return sentences.filter((sentence) => sentence !== null).join(' ') || null;
}

/** "blocks.0.attention (L0), blocks.1.attention (L1)"; of many the first ones. */
function list(layers: readonly Layer[]): string {
  const named = layers.slice(0, MOST_LISTED).map(({ name, number }) => `${name} (L${number})`);
  return [...named, ...(layers.length > MOST_LISTED ? ['…'] : [])].join(', ');
}

/** "blocks.0.attention with 4 heads, blocks.1.attention with 2 heads"; of many the first ones. */
function recorded({ layers }: Run): string {
  const told = layers.slice(0, MOST_LISTED).map(({ name, heads }) => `${name} with ${heads} heads`);
  return [...told, ...(layers.length > MOST_LISTED ? ['…'] : [])].join(', ') || 'no layer';
}

/** Whether a point of one is the same token of the same head in the other, in as many dimensions. */
function drawnAlike(a: Layer, b: Layer): boolean {
  const of = ({ queries_of, keys_of, query_grid, key_grid, head_dim }: Layer) =>
    JSON.stringify([queries_of, keys_of, query_grid, key_grid, head_dim]);
  return of(a) === of(b);
}

function sameProbe(a: Run, b: Run): boolean {
  if (a.probe && b.probe) return a.probe === b.probe;
  return a.sequences === b.sequences && a.queries === b.queries && a.keys === b.keys;
}
