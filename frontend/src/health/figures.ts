import { percent, signedPercent } from '../attention/weights';
import { grouped } from '../base/numbers';

/** What the server's health figures are called and say. A figure that is not listed is shown all the same. */

interface Figure {
  readonly title: string;
  readonly reads: string;
  /** Grows over orders of magnitude when training diverges: its chart turns logarithmic when the range is large. */
  readonly magnitude?: true;
  /** Of attention, or of the greatest entropy: told in percent. */
  readonly share?: true;
}

const FIGURES: Readonly<Record<string, Figure>> = {
  entropy: {
    title: 'Entropy',
    share: true,
    reads:
      'How spread out attention is, as a share of the greatest possible. Near 0 each query attends to one key: the head is sharp by nature, or has collapsed where that fell.',
  },
  max_logit: {
    title: 'Max logit',
    reads:
      'The largest scaled query-key product on the probe. Above 100 is large; above 10,000 has diverged.',
    magnitude: true,
  },
  batch_max_logit: {
    title: 'Max logit of the batch',
    reads:
      'The largest scaled query-key product of the training batch itself, as training made its pass; that of the probe is a lower bound of what may diverge.',
    magnitude: true,
  },
  batch_entropy: {
    title: 'Entropy of the batch',
    share: true,
    reads: 'The same as entropy, of the training batch: the mean of some of its queries.',
  },
  batch_sink: {
    title: 'Sink of the batch',
    share: true,
    reads: 'Mean attention on the first token in the training batch, of some of its queries.',
  },
  induction: {
    title: 'Induction',
    share: true,
    reads:
      'On repeated random text: mean attention on the token after the last occurrence, less that at the same distance elsewhere. From 35 % on, an induction head.',
  },
  previous: { title: 'Previous', share: true, reads: 'Mean attention on the token before.' },
  sink: {
    title: 'Sink',
    share: true,
    reads: 'Mean attention on the first token. Above 30 % it is an attention sink.',
  },
  duplicate: {
    title: 'Same token',
    share: true,
    reads:
      'On repeated random text: mean attention on the last occurrence of the same token, less that at the same distance elsewhere.',
  },
  self: { title: 'Self', share: true, reads: 'Mean attention of a token on itself.' },
  next: { title: 'Next', share: true, reads: 'Mean attention on the token after.' },
  distance: { title: 'Distance', reads: 'How far away attention looks on average, in tokens.' },
  effective_rank: {
    title: 'Effective rank',
    reads: 'How many directions of its query-key space the head uses, from 1 to its dimension.',
  },
  query_norm: { title: 'Query norm', reads: 'Mean length of the query vectors.', magnitude: true },
  key_norm: { title: 'Key norm', reads: 'Mean length of the key vectors.', magnitude: true },
  value_entropy: {
    title: 'Value entropy',
    share: true,
    reads:
      'The entropy of attention weighted by the lengths of the values it fetches. Far under the plain entropy, most of what is attended to says little.',
  },
  importance: {
    title: 'Importance',
    reads:
      'How much the loss would rise, estimated to first order, if the head gave its mean everywhere. It ranks heads; exact importance measures them.',
  },
  importance_exact: {
    title: 'Exact importance',
    reads:
      'How much the loss rises when the head gives its mean everywhere. Around 0 and below, the head can be removed at no cost.',
  },
  non_finite: { title: 'Non-finite', reads: 'How many numbers of the queries and keys are NaN or infinite.' },
};

/** How a head follows a relation that was given to the recorder is a figure of its own: "follows/parent". */
const FOLLOWS = 'follows/';

function relationOf(name: string): string | null {
  return name.startsWith(FOLLOWS) ? name.slice(FOLLOWS.length) : null;
}

/** Figures in the order in which they are read: what collapses or grows first, then what the head does. */
export function figureOrder(names: Iterable<string>): string[] {
  const known = Object.keys(FIGURES);
  const rank = (name: string) =>
    relationOf(name) !== null
      ? known.indexOf('induction') + 0.5
      : known.includes(name)
        ? known.indexOf(name)
        : known.length;
  return [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

export function figureTitle(name: string): string {
  const relation = relationOf(name);
  if (relation !== null) return `Follows ${relation}`;
  const words = name.replaceAll('_', ' ');
  return FIGURES[name]?.title ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** As it stands within a sentence. */
export function figureTold(name: string): string {
  if (name === 'max_logit') return 'largest logit';
  if (name === 'batch_max_logit') return 'largest logit of the training batch';
  return figureTitle(name).toLowerCase();
}

export function figureReads(name: string): string {
  const relation = relationOf(name);
  if (relation !== null)
    return `How much more the head attends along the pairs of “${relation}” than its attention by offset and by key explains: 0 nothing, 1 all that is left. From 0.35 on it follows them.`;
  return FIGURES[name]?.reads ?? `The figure “${name}”, as recorded with this run.`;
}

export function isMagnitude(name: string): boolean {
  return FIGURES[name]?.magnitude ?? false;
}

/** Scores that are shares beside figures: how alike the attention of two heads is. */
const SHARES: ReadonlySet<string> = new Set(['likeness']);

/** A value of a figure or a score in its unit, the same everywhere: "44 %" of a share, else "132". */
export function formatFigure(name: string, value: number): string {
  return isShare(name) && Number.isFinite(value) ? signed(value) : formatValue(value);
}

/** The same of a limit, which has few digits: "5 %", "100". */
export function limitTold(name: string, limit: number): string {
  return isShare(name) ? `${Number((100 * limit).toPrecision(6))} %` : String(limit);
}

export function isShare(name: string): boolean {
  return FIGURES[name]?.share ?? (relationOf(name) !== null || SHARES.has(name));
}

function signed(value: number): string {
  return value < 0 ? signedPercent(value) : percent(value);
}

/** Short and even in width: 0.0007, 0.123, 12.3, 1,234, 1.2e6. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e-3) return value.toFixed(4);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1).replace('e+', 'e');
  if (size >= 1000) return grouped(Math.round(value));
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size === 0 ? 0 : size >= 1 ? 2 : 3);
}
