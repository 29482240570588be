import type { HealthDocument, JsonNumber, Layer, Run, Runs, Sequence } from '../run/types';
import { health, syntheticHead, wordClass } from './synthetic_head';
import { syntheticImage } from './synthetic_images';
import { long, repeated, text } from './synthetic_probe';

export interface SyntheticOptions {
  /** Heads of each layer. */
  readonly heads: readonly number[];
  /** At least this many tokens; the last sequence is not cut. */
  readonly tokens: number;
  readonly checkpoints: number;
  /** Asks that are answered "still fitting" before each layer's points come. */
  readonly fitting: number;
  /** Milliseconds that a head's t-SNE or UMAP takes at one step. */
  readonly slow: number;
  /** Milliseconds between new checkpoints; 0: the run has ended. */
  readonly live: number;
  /** Tokens of one more sequence, the first one; 0: there is none. */
  readonly long: number;
  /** Whether the sequences are images. */
  readonly images: boolean;
}

const DEFAULTS: SyntheticOptions = {
  heads: [8, 8, 6, 8, 8, 4],
  tokens: 320,
  checkpoints: 21,
  fitting: 0,
  slow: 0,
  live: 0,
  long: 0,
  images: false,
};

export const EVERY = 200; // steps between checkpoints
/** A second run with the same probe, whose heads form later. */
const SLOWER = 'lower-learning-rate';

/** What the recorder calls sequences like this one. */
export function kindOf({ grid, repeat }: Sequence): string {
  if (grid) return `${grid.rows} × ${grid.columns}`;
  return repeat ? 'repeated' : 'text';
}

/** What was recorded, made up: the probe, the layers, and at which steps. */
export class SyntheticRun {
  readonly options: SyntheticOptions;
  readonly sequences: readonly Sequence[];
  /** Per token of the probe: its place in its sequence, that sequence's length, its word's class. */
  readonly tokens: { index: number; at: number; length: number; word: number }[] = [];
  private readonly opened = Date.now();

  constructor(options: Partial<SyntheticOptions> = {}) {
    this.options = { ...DEFAULTS, ...options };
    const sequences: Sequence[] = [];
    for (let i = 0; this.tokens.length < this.options.tokens; i++) {
      const sequence = this.options.images
        ? syntheticImage(i)
        : i === 0 && this.options.long > 0
          ? long(this.options.long)
          : i % 4 === 3
            ? repeated(i)
            : text(i);
      sequences.push(sequence);
      sequence.tokens.forEach((token, at) => {
        const index = this.tokens.length;
        this.tokens.push({ index, at, length: sequence.tokens.length, word: wordClass(token) });
      });
    }
    this.sequences = sequences;
  }

  listed(): Runs {
    const layers = this.options.heads.map(
      (heads, i): Layer => ({
        name: `model.layers.${i}.attention`,
        number: i,
        heads,
        head_numbers: Array.from({ length: heads }, (_, head) => head),
        kv_heads: heads,
        head_dim: 64,
        causal: true,
        attends: 'self',
        queries_of: 'tokens',
        keys_of: 'tokens',
        queries: this.tokens.length,
        keys: this.tokens.length,
        query_grid: null,
        key_grid: null,
        values: true,
      }),
    );
    const run: Run = {
      run: 'synthetic',
      steps: this.steps(),
      layers,
      segments: [],
      sequences: this.sequences.length,
      queries: this.tokens.length,
      keys: this.tokens.length,
      figures: Object.keys(health(syntheticHead(0, 0), 0)),
      maps: { steps: this.steps(), kinds: [...new Set(this.sequences.map(kindOf))] },
      probe: 'made-up',
      error: null,
    };
    const slower: Run = { ...run, run: SLOWER };
    const newer: Run = {
      ...run,
      run: 'recorded/by-a-newer-version',
      steps: [],
      layers: [],
      maps: { steps: [], kinds: [] },
      error: 'This run was recorded in format 9; this tb-attnviz reads formats up to 1. Upgrade tb-attnviz.',
    };
    return { runs: [run, slower, newer] };
  }

  steps(): number[] {
    const { checkpoints, live } = this.options;
    const grown = live > 0 ? Math.floor((Date.now() - this.opened) / live) : 0;
    return Array.from({ length: checkpoints + grown }, (_, i) => i * EVERY);
  }

  time(step: number, run?: string): number {
    return (step / (EVERY * 20)) * (run === SLOWER ? 0.45 : 1);
  }

  /** The figures of all heads at all steps. */
  health(run: string): HealthDocument {
    const figures: Record<string, JsonNumber[][]> = {};
    const steps = this.steps();
    steps.forEach((step, i) => {
      this.options.heads.forEach((heads, layer) => {
        for (let head = 0; head < heads; head++) {
          for (const [name, value] of Object.entries(
            health(syntheticHead(layer, head), this.time(step, run)),
          )) {
            figures[name] ??= [];
            figures[name][i] ??= [];
            // Induction was "not recorded" at two steps, so that the charts have a gap to show.
            const gap = name === 'induction' && (step === 5 * EVERY || step === 6 * EVERY);
            figures[name][i].push(gap ? 'NaN' : value);
          }
        }
      });
    });
    return { run, steps, heads: this.options.heads, figures, digest: 'synthetic' };
  }
}
