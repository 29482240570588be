import { noise } from '../noise';
import { gridOf } from '../probe/grids';
import type { NpyArray } from './npy';
import { isSlow } from './projection';
import type { ScalarPoint } from './scalars';
import { sleep } from './sleep';
import { type DataSource, SourceError, type Waiting } from './source';
import { pointFigure, weightedByValues } from './synthetic_figures';
import { attention, formation, health, position, syntheticHead, wordClass } from './synthetic_head';
import { syntheticImage, syntheticPicture } from './synthetic_images';
import { long, repeated, text } from './synthetic_probe';
import { embedded, syntheticTrust, Workers } from './synthetic_projection';
import type {
  Alerts,
  AttentionQuery,
  ChangeQuery,
  FigureQuery,
  HealthDocument,
  ImageSummary,
  ImageSummaryQuery,
  JsonNumber,
  KnownHealth,
  Layer,
  Points,
  PointsQuery,
  Probe,
  Run,
  Runs,
  Sequence,
  SimilarityQuery,
  Trust,
  TrustQuery,
} from './types';
import { askedOf, summaryOf } from './whole';

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

export const DEFAULTS: SyntheticOptions = {
  heads: [8, 8, 6, 8, 8, 4],
  tokens: 320,
  checkpoints: 21,
  fitting: 0,
  slow: 0,
  live: 0,
  long: 0,
  images: false,
};

const EVERY = 200; // steps between checkpoints
/** A second run with the same probe, whose heads form later. */
const SLOWER = 'lower-learning-rate';

/** A made-up run with heads of known kinds, the same on every visit: for tests and for work on the views. */
export class SyntheticSource implements DataSource {
  private readonly options: SyntheticOptions;
  private readonly sequences: readonly Sequence[];
  /** Per token of the probe: its place in its sequence, that sequence's length, its word's class. */
  private readonly tokens: { index: number; at: number; length: number; word: number }[] = [];
  private readonly asked = new Map<string, number>();
  private readonly workers = new Workers();
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

  async runs(): Promise<Runs> {
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
      probe: 'made-up',
      error: null,
    };
    const slower: Run = { ...run, run: SLOWER };
    const newer: Run = {
      ...run,
      run: 'recorded/by-a-newer-version',
      steps: [],
      layers: [],
      error: 'This run was recorded in format 9; this tb-attnviz reads formats up to 1. Upgrade tb-attnviz.',
    };
    return { runs: [run, slower, newer] };
  }

  async probe(run: string): Promise<Probe> {
    return { run, sequences: this.sequences };
  }

  async health(run: string, known: KnownHealth | null = null): Promise<HealthDocument> {
    const figures: Record<string, JsonNumber[][]> = {};
    const steps = this.steps().filter((step) => step > (known?.since ?? -1));
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

  /** One head whose logits grew too large at the fifth checkpoint. */
  async alerts(run: string): Promise<Alerts> {
    const sentence = 'max_logit of layer 1 head 2 is 132, over 100 (step 800)';
    const heads = [{ layer: 1, head: 2, value: 132 }];
    const found = { rule: 'max_logit', figure: 'max_logit', raised: true, limit: 100, sentence, heads };
    return { run, alerts: [{ step: 4 * EVERY, ...found }] };
  }

  async points(query: PointsQuery, waiting: Waiting = {}): Promise<Points> {
    const heads = this.options.heads[query.layer];
    if (heads === undefined) throw new SourceError(`There is no layer ${query.layer} in this run.`);
    if (query.alone || isSlow(query.projection)) {
      await this.workers.run(this.options.slow, waiting);
    } else if (query.fit === undefined) {
      await this.fit(query, waiting);
    }
    await Promise.resolve();
    waiting.signal?.throwIfAborted();
    const places = query.head === undefined ? Array.from({ length: heads }, (_, i) => i) : [query.head];
    return this.project(query, places);
  }

  async trust(query: TrustQuery): Promise<Trust> {
    const { layer, head, step, previous } = query;
    const formed = formation(syntheticHead(layer, head), this.time(step, query.run));
    return syntheticTrust(query.projection, formed, 2 * this.tokens.length, previous ?? null);
  }

  async attention(query: AttentionQuery): Promise<NpyArray> {
    const longest = this.sequences.reduce((a, b) => (b.tokens.length > a.tokens.length ? b : a));
    // The longest sequence stands in for the mean over all.
    const sequence = query.sequence === 'mean' ? longest : this.sequences[query.sequence];
    if (!sequence) throw new SourceError(`There is no sequence ${query.sequence} in this probe.`);
    const head = syntheticHead(query.layer, query.head);
    const n = sequence.tokens.length;
    const weights = attention(head, formation(head, this.time(query.step, query.run)), sequence);
    const data = query.weight === 'values' ? weightedByValues(weights, n) : weights;
    return askedOf({ shape: [n, n], data }, query);
  }

  async imageSummary(query: ImageSummaryQuery): Promise<ImageSummary> {
    const patches = gridOf(this.sequences[query.sequence === 'mean' ? 0 : query.sequence]);
    if (!patches) throw new SourceError(`Sequence ${query.sequence} is no image.`);
    return summaryOf(await this.attention(query), patches);
  }

  async image(_run: string, sequence: number): Promise<Blob> {
    return syntheticPicture(sequence);
  }

  async pointFigures({ layer, step, figure }: FigureQuery): Promise<NpyArray> {
    const heads = this.options.heads[layer] ?? 0;
    const n = 2 * this.tokens.length;
    const data = new Float32Array(heads * n);
    for (let h = 0; h < heads; h++) {
      const head = syntheticHead(layer, h);
      data.set(pointFigure(figure, head, formation(head, this.time(step)), this.tokens), h * n);
    }
    return { shape: [heads, n], data };
  }

  async change({ layer, step, since }: ChangeQuery): Promise<NpyArray> {
    const heads = this.options.heads[layer];
    if (heads === undefined) throw new SourceError(`There is no layer ${layer} in this run.`);
    const data = Float32Array.from({ length: heads }, (_, number) => {
      const head = syntheticHead(layer, number);
      return 0.6 * Math.abs(formation(head, this.time(step)) - formation(head, this.time(since)));
    });
    return { shape: [heads], data };
  }

  async similarity({ step }: SimilarityQuery): Promise<NpyArray> {
    const formed = this.options.heads.flatMap((heads, layer) =>
      Array.from({ length: heads }, (_, head) => {
        const one = syntheticHead(layer, head);
        return { kind: one.kind, share: formation(one, this.time(step)) };
      }),
    );
    const n = formed.length;
    const data = Float32Array.from({ length: n * n }, (_, i) => {
      const [a, b] = [formed[Math.floor(i / n)], formed[i % n]];
      if (!a || !b || a === b) return 1;
      return 0.9 - 0.5 * Math.abs(a.share - b.share) - (a.kind === b.kind ? 0 : 0.3 * a.share * b.share);
    });
    return { shape: [n, n], data };
  }

  async scalarTags(): Promise<readonly string[]> {
    return ['eval/accuracy', 'train/learning_rate', 'train/loss'];
  }

  async scalars(_run: string, tag: string): Promise<readonly ScalarPoint[]> {
    const every = 10;
    const newest = this.steps().at(-1) ?? 0;
    return Array.from({ length: newest / every + 1 }, (_, i) => {
      const time = this.time(i * every);
      const loss =
        0.4 + 4 * Math.exp(-5 * time) + 0.25 * noise(i, 3) + (Math.abs(time - 0.22) < 0.01 ? 2 : 0);
      const values = [1 - loss / 6, 3e-4 * Math.min(1, 10 * time) * Math.max(0, 1 - time), loss];
      return {
        step: i * every,
        value: values[['eval/accuracy', 'train/learning_rate'].indexOf(tag)] ?? loss,
      };
    });
  }

  /** Answers "still fitting" a few times before a layer's frame is there. */
  private async fit(
    { layer, projection, frame }: PointsQuery,
    { signal, onProgress }: Waiting,
  ): Promise<void> {
    const key = `${layer} ${projection.method} ${frame}`;
    for (let asked = this.asked.get(key) ?? 0; asked < this.options.fitting; asked++) {
      onProgress?.({ state: 'computing', done: asked, total: this.options.fitting });
      await sleep(150 + 60 * layer, signal);
      this.asked.set(key, asked + 1);
    }
  }

  private project(
    { run, step, layer, dims, projection, frame, fit, alone }: PointsQuery,
    heads: readonly number[],
  ): Points {
    const n = this.tokens.length;
    const data = new Float32Array(heads.length * 2 * n * dims);
    const notes = new Map<number, string>();
    const point = new Float64Array(3);
    // A frame knows nothing of later steps: heads that form after it outgrow it.
    const zoom = this.time(frame) < 0.3 ? 1.9 : fit === 'newest' ? 0.85 : 1;
    let at = 0;
    for (const h of heads) {
      const head = syntheticHead(layer, h);
      const formed = formation(head, this.time(step, run));
      // One head diverges at the end, so that there is a cell to explain.
      const lost = layer === 1 && h === 2 && step >= 16 * EVERY;
      if (lost) notes.set(h, `Keys are not finite at step ${step}: training has diverged in this head.`);
      for (const side of ['query', 'key'] as const) {
        for (const token of this.tokens) {
          position(head, formed, side, token, point);
          if (isSlow(projection)) embedded(point, projection.method === 'umap' ? 1.6 : 1);
          for (let axis = 0; axis < dims; axis++) {
            const turned = projection.method === 'pca' ? (axis + 1) % dims : axis;
            data[at++] = lost ? Number.NaN : zoom * (point[turned] ?? 0);
          }
        }
      }
    }
    if (!alone) return { shape: [heads.length, 2 * n, dims], data, notes };
    const few = new Float32Array(alone.points.length * dims);
    alone.points.forEach((number, i) => {
      few.set(data.subarray(number * dims, (number + 1) * dims), i * dims);
    });
    // By themselves they fill the picture.
    const reach = few.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
    return { shape: [1, alone.points.length, dims], data: few.map((x) => x / reach), notes };
  }

  private steps(): number[] {
    const { checkpoints, live } = this.options;
    const grown = live > 0 ? Math.floor((Date.now() - this.opened) / live) : 0;
    return Array.from({ length: checkpoints + grown }, (_, i) => i * EVERY);
  }

  private time(step: number, run?: string): number {
    return (step / (EVERY * 20)) * (run === SLOWER ? 0.45 : 1);
  }
}
