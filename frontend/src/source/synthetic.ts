import { noise } from '../base/noise';
import type { NpyArray } from '../base/npy';
import { sleep } from '../base/sleep';
import type { ChangePoints, FigureOfRunQuery } from '../run/change_points';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { Alerts, Evidence, Findings, FindingsQuery } from '../run/findings';
import { gridOf } from '../run/grids';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import type { FigureQuery, Points, PointsQuery, Trust, TrustQuery } from '../run/pictures';
import { isSlow } from '../run/projection';
import type { ScalarPoint } from '../run/scalars';
import { type DataSource, SourceError, type Waiting } from '../run/source';
import type {
  AttentionQuery,
  ChangeQuery,
  FigureOfHeadsQuery,
  HealthSteps,
  ImageSummary,
  ImageSummaryQuery,
  KnownHealth,
  MapsQuery,
  Probe,
  RangeQuery,
  RowsQuery,
  Runs,
  SimilarityQuery,
  SmallMaps,
} from '../run/types';
import { figureOf, rangeOf, rowsOf, stepsOf, wholeHealth } from '../run/whole_health';
import { pointFigure, weightedByValues } from './synthetic_figures';
import { syntheticFindings } from './synthetic_findings';
import { attention, formation, health, position, syntheticHead } from './synthetic_head';
import { syntheticPicture } from './synthetic_images';
import { syntheticMaps } from './synthetic_maps';
import { embedded, syntheticTrust, Workers } from './synthetic_projection';
import { EVERY, kindOf, type SyntheticOptions, SyntheticRun } from './synthetic_run';
import { askedOf, summaryOf } from './whole';

/** A made-up run with heads of known kinds, the same on every visit: for tests and for work on the views. */
export class SyntheticSource implements DataSource {
  private readonly made: SyntheticRun;
  private readonly asked = new Map<string, number>();
  private readonly workers = new Workers();

  constructor(options: Partial<SyntheticOptions> = {}) {
    this.made = new SyntheticRun(options);
  }

  async runs(): Promise<Runs> {
    return this.made.listed();
  }

  async probe(run: string): Promise<Probe> {
    return { run, sequences: this.made.sequences };
  }

  async healthSteps(run: string, known: KnownHealth | null): Promise<HealthSteps> {
    return stepsOf(wholeHealth(this.made.health(run)), known);
  }

  async healthRows(query: RowsQuery): Promise<NpyArray> {
    return rowsOf(wholeHealth(this.made.health(query.run)), query);
  }

  async healthFigure(query: FigureOfHeadsQuery): Promise<NpyArray> {
    return figureOf(wholeHealth(this.made.health(query.run)), query);
  }

  async healthRange(query: RangeQuery): Promise<NpyArray> {
    return rangeOf(wholeHealth(this.made.health(query.run)), query);
  }

  /** One head whose logits grew too large at the fifth checkpoint. */
  async alerts(run: string): Promise<Alerts> {
    const sentence = 'max_logit of layer 1 head 2 on the probe is 132, over 100 (step 800)';
    const heads = [{ layer: 1, head: 2, value: 132 }];
    const found = { rule: 'max_logit', figure: 'max_logit', raised: true, limit: 100, sentence, heads };
    return { run, alerts: [{ step: 4 * EVERY, ...found }] };
  }

  async findings({ run, step }: FindingsQuery): Promise<Findings> {
    const at = (time: number, layer: number, head: number) =>
      health(syntheticHead(layer, head), this.made.time(time, run));
    return syntheticFindings(run, step, this.made.steps(), this.made.options.heads, at);
  }

  async evidence(): Promise<Evidence | null> {
    return null;
  }

  async connections({ run, layer, head }: ConnectionsQuery): Promise<HeadConnections> {
    return { run, layer, head, steps: [], fed_by: [], feeds: [] };
  }

  async labelAttention(_query: LabelQuery): Promise<LabelAttention> {
    throw new SourceError('The made-up run has no tables of kinds.');
  }

  async changePoints(query: FigureOfRunQuery): Promise<ChangePoints> {
    return { ...query, points: [] };
  }

  async points(query: PointsQuery, waiting: Waiting = {}): Promise<Points> {
    const heads = this.made.options.heads[query.layer];
    if (heads === undefined) throw new SourceError(`There is no layer ${query.layer} in this run.`);
    if (query.alone || isSlow(query.projection)) {
      await this.workers.run(this.made.options.slow, waiting);
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
    const formed = formation(syntheticHead(layer, head), this.made.time(step, query.run));
    return syntheticTrust(query.projection, formed, 2 * this.made.tokens.length, previous ?? null);
  }

  async attention(query: AttentionQuery): Promise<NpyArray> {
    const longest = this.made.sequences.reduce((a, b) => (b.tokens.length > a.tokens.length ? b : a));
    // The longest sequence stands in for the mean over all.
    const sequence = query.sequence === 'mean' ? longest : this.made.sequences[query.sequence];
    if (!sequence) throw new SourceError(`There is no sequence ${query.sequence} in this probe.`);
    const head = syntheticHead(query.layer, query.head);
    const n = sequence.tokens.length;
    const weights = attention(head, formation(head, this.made.time(query.step, query.run)), sequence);
    const data = query.weight === 'values' ? weightedByValues(weights, n) : weights;
    return askedOf({ shape: [n, n], data }, query);
  }

  async imageSummary(query: ImageSummaryQuery): Promise<ImageSummary> {
    const patches = gridOf(this.made.sequences[query.sequence === 'mean' ? 0 : query.sequence]);
    if (!patches) throw new SourceError(`Sequence ${query.sequence} is no image.`);
    return summaryOf(await this.attention(query), patches);
  }

  async image(_run: string, sequence: number): Promise<Blob> {
    return syntheticPicture(sequence);
  }

  async pointFigures({ layer, step, figure }: FigureQuery): Promise<NpyArray> {
    const heads = this.made.options.heads[layer] ?? 0;
    const n = 2 * this.made.tokens.length;
    const data = new Float32Array(heads * n);
    for (let h = 0; h < heads; h++) {
      const head = syntheticHead(layer, h);
      data.set(pointFigure(figure, head, formation(head, this.made.time(step)), this.made.tokens), h * n);
    }
    return { shape: [heads, n], data };
  }

  async maps({ run, step, kind, part }: MapsQuery): Promise<SmallMaps> {
    const sequences = this.made.sequences.filter((sequence) => kindOf(sequence) === kind);
    const formed = this.made.options.heads.flatMap((heads, layer) =>
      Array.from({ length: heads }, (_, head) => {
        const one = syntheticHead(layer, head);
        return { head: one, formed: formation(one, this.made.time(step, run)) };
      }),
    );
    return syntheticMaps(formed, sequences.slice(0, 2), part);
  }

  async change({ layer, step, since }: ChangeQuery): Promise<NpyArray> {
    const heads = this.made.options.heads[layer];
    if (heads === undefined) throw new SourceError(`There is no layer ${layer} in this run.`);
    const data = Float32Array.from({ length: heads }, (_, number) => {
      const head = syntheticHead(layer, number);
      return 0.6 * Math.abs(formation(head, this.made.time(step)) - formation(head, this.made.time(since)));
    });
    return { shape: [heads], data };
  }

  async similarity({ step }: SimilarityQuery): Promise<NpyArray> {
    const formed = this.formed(step);
    const n = formed.length;
    const data = Float32Array.from({ length: n * n }, (_, i) => {
      const [a, b] = [formed[Math.floor(i / n)], formed[i % n]];
      if (!a || !b || a === b) return 1;
      return 0.9 - 0.5 * Math.abs(a.share - b.share) - (a.kind === b.kind ? 0 : 0.3 * a.share * b.share);
    });
    return { shape: [n, n], data };
  }

  async headOrder({ step }: SimilarityQuery): Promise<NpyArray> {
    const kinds = this.formed(step).map(({ kind }) => kind);
    const order = kinds.map((_, head) => head).sort((a, b) => (kinds[a] ?? '').localeCompare(kinds[b] ?? ''));
    const data = new Float32Array(kinds.length);
    order.forEach((head, place) => {
      data[head] = place;
    });
    return { shape: [kinds.length], data };
  }

  async scalarTags(): Promise<readonly string[]> {
    return ['eval/accuracy', 'train/learning_rate', 'train/loss'];
  }

  async scalars(_run: string, tag: string): Promise<readonly ScalarPoint[]> {
    const every = 10;
    const newest = this.made.steps().at(-1) ?? 0;
    return Array.from({ length: newest / every + 1 }, (_, i) => {
      const time = this.made.time(i * every);
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
    for (let asked = this.asked.get(key) ?? 0; asked < this.made.options.fitting; asked++) {
      onProgress?.({ state: 'computing', done: asked, total: this.made.options.fitting });
      await sleep(150 + 60 * layer, signal);
      this.asked.set(key, asked + 1);
    }
  }

  private project(
    { run, step, layer, dims, projection, frame, fit, alone }: PointsQuery,
    heads: readonly number[],
  ): Points {
    const n = this.made.tokens.length;
    const data = new Float32Array(heads.length * 2 * n * dims);
    const notes = new Map<number, string>();
    const point = new Float64Array(3);
    // A frame knows nothing of later steps: heads that form after it outgrow it.
    const zoom = this.made.time(frame) < 0.3 ? 1.9 : fit === 'newest' ? 0.85 : 1;
    let at = 0;
    for (const h of heads) {
      const head = syntheticHead(layer, h);
      const formed = formation(head, this.made.time(step, run));
      // One head diverges at the end, so that there is a cell to explain.
      const lost = layer === 1 && h === 2 && step >= 16 * EVERY;
      if (lost) notes.set(h, `Keys are not finite at step ${step}: training has diverged in this head.`);
      for (const side of ['query', 'key'] as const) {
        for (const token of this.made.tokens) {
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

  private formed(step: number) {
    return this.made.options.heads.flatMap((heads, layer) =>
      Array.from({ length: heads }, (_, head) => {
        const one = syntheticHead(layer, head);
        return { kind: one.kind, share: formation(one, this.made.time(step)) };
      }),
    );
  }
}
