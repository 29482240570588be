import { grouped } from '../base/numbers';
import type { Dims } from '../run/pictures';
import type { Projection } from '../run/projection';
import type { Run } from '../run/types';

/** What a page of `tb-attnviz export` holds, as tb_attnviz/export/contents.py writes it. */
export interface PageIndex {
  readonly version: number;
  readonly by: string;
  readonly title: string;
  /** How much of it the run had. */
  readonly recorded: {
    readonly steps: number;
    /** Their numbers in the model. */
    readonly layers: readonly number[];
    readonly heads: number;
    readonly sequences: number;
  };
  readonly run: Run;
  readonly projections: readonly Projection[];
  readonly dims: readonly Dims[];
  /** Heads whose attention is in it. */
  readonly detail: readonly (readonly [number, number])[];
  /** So many of the first ones have their attention in it. */
  readonly sequences: number;
  readonly trust: boolean;
  /** What is in it of what can be left out. */
  readonly parts: readonly Part[];
  /** On its heads, as their file has them. */
  readonly notes?: unknown;
}

export type Part = 'images' | 'figures' | 'values' | 'comparisons';

const PARTS: Readonly<Record<Part, string>> = {
  images: 'images',
  figures: 'the figures of points',
  values: 'what the norms of values say',
  comparisons: 'how far heads changed and how alike they are',
};

/** The heads whose attention is in it, by name. */
export function detailOf({ detail, run }: Pick<PageIndex, 'detail' | 'run'>): string {
  const names = detail.map(([layer, head]) => headOf(run, layer, head));
  if (names.length === 0) return 'none';
  return names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ');
}

/** Why the query that shows best what a head is cannot be shown. */
export function withoutEvidence(index: PageIndex, layer: number, head: number): string {
  const { sequences, recorded } = index;
  return index.detail.some(([l, h]) => l === layer && h === head)
    ? `The query that shows it best is in none of the first ${sequences} of ${recorded.sequences} sequences, whose attention this page holds.`
    : `This page holds the attention of ${detailOf(index)}, and not of this head.`;
}

function headOf(run: Run, layer: number, head: number): string {
  const described = run.layers[layer];
  return `L${described?.number ?? layer} H${described?.head_numbers[head] ?? head}`;
}

/** What is in the page, and what the run had beyond it. */
export function describe({ run, recorded, detail, sequences, by, trust, parts }: PageIndex): string {
  const { steps, layers } = run;
  const listed =
    steps.length > 8
      ? `${steps.slice(0, 3).map(grouped).join(', ')}, … ${grouped(steps.at(-1) ?? 0)}`
      : steps.map(grouped).join(', ');
  const heads = layers.reduce((sum, layer) => sum + layer.heads, 0);
  const missing = recorded.layers.filter((layer) => !layers.some((held) => held.number === layer));
  const sentences = [
    `This page holds ${steps.length === recorded.steps ? 'all' : `${steps.length} of ${recorded.steps}`} steps (${listed}) and ${
      heads === recorded.heads ? `all ${heads}` : `${heads} of ${recorded.heads}`
    } heads.`,
  ];
  if (missing.length > 0) {
    sentences.push(
      `Layer${missing.length === 1 ? '' : 's'} ${missing.join(', ')} ${missing.length === 1 ? 'was' : 'were'} not exported.`,
    );
  }
  if (detail.length < heads) sentences.push(`Attention came along for ${detail.length} of them.`);
  if (sequences < recorded.sequences)
    sentences.push(`Attention is within the first ${sequences} of ${recorded.sequences} sequences.`);
  const left = [
    ...(trust ? [] : ['the trust in pictures']),
    ...Object.entries(PARTS).flatMap(([part, name]) => (parts.some((held) => held === part) ? [] : [name])),
  ].join(', ');
  if (left) sentences.push(`${left.charAt(0).toUpperCase()}${left.slice(1)} did not come along.`);
  sentences.push('Groups cannot be projected by themselves, and no other run can be laid over this one.');
  sentences.push(`Points are rounded to 1/32,767 of their range. Written by ${by}.`);
  return sentences.join(' ');
}
