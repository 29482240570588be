import type { NpyArray } from '../base/npy';
import type { ChangePoints, FigureOfRunQuery } from '../run/change_points';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { Alerts, Evidence, EvidenceQuery, Findings, FindingsQuery } from '../run/findings';
import { gridOf } from '../run/grids';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import { layerTokens, listsOf } from '../run/lists';
import type { Dims, FigureQuery, Points, PointsQuery, Trust, TrustQuery } from '../run/pictures';
import { indexTokens } from '../run/places';
import { addressKey, type Projection } from '../run/projection';
import type { ScalarPoint } from '../run/scalars';
import { type DataSource, type Offers, SourceError } from '../run/source';
import type {
  AttentionQuery,
  ChangeQuery,
  FigureOfHeadsQuery,
  HealthDocument,
  HealthSteps,
  ImageSummary,
  ImageSummaryQuery,
  JsonNumber,
  KnownHealth,
  Probe,
  RangeQuery,
  RowsQuery,
  Runs,
  SimilarityQuery,
  SmallMaps,
  TokensOf,
} from '../run/types';
import { figureOf, rangeOf, rowsOf, stepsOf, type WholeHealth, wholeHealth } from '../run/whole_health';
import { describe, detailOf, type PageIndex, withoutEvidence } from './page_index';
import { type ChangesHeader, readFigures, readPoints, readWeights, unpack } from './unpack';
import { askedOf, summaryOf } from './whole';

/** Of the heads whose attention is in it, by layer and head. */
interface PageConnections {
  readonly steps: readonly number[];
  readonly heads: Readonly<Record<string, Pick<HeadConnections, 'fed_by' | 'feeds'>>>;
}

const VERSION = 1;

/** A page that holds a run: what it has is unpacked when it is looked at. */
export class ArchiveSource implements DataSource {
  readonly offers: Offers;
  private figures: Promise<WholeHealth> | null = null;

  /** @param piece the packed text of this name, or null */
  constructor(
    private readonly index: PageIndex,
    private readonly piece: (name: string) => string | null,
  ) {
    if (index.version !== VERSION) {
      throw new SourceError(
        `This page is of version ${index.version}; its program reads version ${VERSION}.`,
      );
    }
    const { projections, dims, trust, parts } = index;
    const comparisons = parts.includes('comparisons');
    this.offers = { projections, dims, trust, comparisons, says: describe(index), notes: index.notes };
  }

  async runs(): Promise<Runs> {
    return { runs: [this.index.run] };
  }

  probe(): Promise<Probe> {
    return this.document('probe');
  }

  async healthSteps(_run: string, known: KnownHealth | null): Promise<HealthSteps> {
    return stepsOf(await this.health(), known);
  }

  async healthRows(query: RowsQuery): Promise<NpyArray> {
    return rowsOf(await this.health(), query);
  }

  async healthFigure(query: FigureOfHeadsQuery): Promise<NpyArray> {
    return figureOf(await this.health(), query);
  }

  async healthRange(query: RangeQuery): Promise<NpyArray> {
    return rangeOf(await this.health(), query);
  }

  alerts(): Promise<Alerts> {
    return this.document('alerts');
  }

  findings({ step }: FindingsQuery): Promise<Findings> {
    return this.document(`findings-${step}`, `what heads are called at step ${step}`);
  }

  async evidence({ run, step, layer, head, kind }: EvidenceQuery): Promise<Evidence | null> {
    const { heads } = await this.findings({ run, step });
    const findings = heads.find((one) => one.layer === layer && one.head === head)?.findings ?? [];
    const found = findings.find((finding) => finding.kind === kind);
    if (found && found.evidence === undefined)
      throw new SourceError(withoutEvidence(this.index, layer, head));
    return found?.evidence ?? null;
  }

  async connections({ run, layer, head }: ConnectionsQuery): Promise<HeadConnections> {
    if (this.piece('connections') === null) return { run, layer, head, steps: [], fed_by: [], feeds: [] }; // none were recorded
    const { steps, heads }: PageConnections = await this.document('connections');
    const found = heads[`${layer}-${head}`];
    if (!found)
      throw new SourceError(`This page holds who feeds ${detailOf(this.index)}, and not this head.`);
    return { run, layer, head, steps, ...found };
  }

  async labelAttention(_query: LabelQuery): Promise<LabelAttention> {
    throw new SourceError('This page holds no tables from kind to kind: TensorBoard shows them.');
  }

  async changePoints({ run, figure }: FigureOfRunQuery): Promise<ChangePoints> {
    const all: Readonly<Record<string, ChangePoints['points']>> = await this.document('change_points');
    return { run, figure, points: all[figure] ?? [] };
  }

  async points({ step, layer, head, projection, dims, alone }: PointsQuery): Promise<Points> {
    if (alone) throw new SourceError('This page cannot project points by themselves: TensorBoard can.');
    const picture = this.picture(projection, dims);
    const buffer = await this.unpacked(
      `points-${picture}-${layer}-${step}`,
      `step ${step} of layer ${layer} in ${dims}-D`,
    );
    const { header, data } = readPoints(buffer);
    const [heads = 1, points = 0] = header.shape;
    const notes = new Map(Object.entries(header.notes).map(([key, note]) => [Number(key), note]));
    if (head === undefined) return { shape: header.shape, data, notes };
    const floats = data.length / heads;
    const note = notes.get(head);
    return {
      shape: [1, points, dims],
      data: data.slice(head * floats, (head + 1) * floats),
      notes: new Map(note === undefined ? [] : [[head, note]]),
    };
  }

  async maps(): Promise<SmallMaps> {
    throw new SourceError('This page holds no small maps: TensorBoard shows them.');
  }

  async trust({ step, layer, head, projection, dims }: TrustQuery): Promise<Trust> {
    const name = `trust-${this.picture(projection, dims)}-${layer}-${head}-${step}`;
    return this.document(name, `the trust in this head’s picture at step ${step}`);
  }

  async attention(query: AttentionQuery): Promise<NpyArray> {
    const { step, layer, head, sequence, weight } = query;
    const { sequences, recorded } = this.index;
    if (sequence !== 'mean' && sequence >= sequences) {
      throw new SourceError(
        `This page holds the attention within the first ${sequences} of ${recorded.sequences} sequences, not within ${sequence}.`,
      );
    }
    const attention = `the attention of this head: it holds that of ${detailOf(this.index)}`;
    const what = weight ? `${attention}, weighted by values where these were recorded` : attention;
    const kind = weight ? 'weighted' : 'attention';
    const { header, data } = readWeights(await this.unpacked(`${kind}-${layer}-${head}-${step}`, what));
    const number = sequence === 'mean' ? header.shapes.length - 1 : sequence;
    const shape = header.shapes[number] ?? [0, 0];
    const start = header.shapes.slice(0, number).reduce((sum, [rows, columns]) => sum + rows * columns, 0);
    return askedOf({ shape, data: data.slice(start, start + shape[0] * shape[1]) }, query);
  }

  async imageSummary(query: ImageSummaryQuery): Promise<ImageSummary> {
    const [probe, whole] = await Promise.all([this.probe(), this.attention(query)]);
    const layer = this.index.run.layers[query.layer];
    const lists = listsOf(this.index.run);
    const list = layer && lists.indexOf(layerTokens(lists, layer).queries);
    const sequences = indexTokens(probe, lists).lists[list ?? 0]?.sequences;
    const patches = gridOf(sequences?.[query.sequence === 'mean' ? 0 : query.sequence]);
    if (!patches) throw new SourceError(`Sequence ${query.sequence} is no image.`);
    return summaryOf(whole, patches);
  }

  async image(_run: string, sequence: number, side: TokensOf): Promise<Blob> {
    const png = await this.unpacked(`image-${side}-${sequence}`, `the picture of sequence ${sequence}`);
    return new Blob([png], { type: 'image/png' });
  }

  async pointFigures({ step, layer, figure }: FigureQuery): Promise<NpyArray> {
    const buffer = await this.unpacked(`${figure}-${layer}-${step}`, `this figure of points (${figure})`);
    const { header, data } = readFigures(buffer);
    return { shape: header.shape, data };
  }

  async change({ step, since, layer }: ChangeQuery): Promise<NpyArray> {
    const what = `how far heads changed from step ${since} to ${step}`;
    const [earlier, later] = [Math.min(since, step), Math.max(since, step)]; // it is the same both ways
    const { header, data } = readPoints<ChangesHeader>(await this.unpacked(`change-${layer}-${later}`, what));
    const [, heads = 0] = header.shape;
    const row = header.since.indexOf(earlier);
    if (row < 0) {
      throw new SourceError(
        `This page does not hold ${what}: it goes back to step ${header.since[0]} from there.`,
      );
    }
    return { shape: [heads], data: data.slice(row * heads, (row + 1) * heads) };
  }

  async similarity({ step }: SimilarityQuery): Promise<NpyArray> {
    const buffer = await this.unpacked(`similarity-${step}`, `how alike heads are at step ${step}`);
    const { header, data } = readPoints(buffer);
    return { shape: header.shape, data };
  }

  async headOrder({ step }: SimilarityQuery): Promise<NpyArray> {
    const places: number[] = await this.document(`head_order-${step}`, `how alike heads are at step ${step}`);
    return { shape: [places.length], data: Float32Array.from(places) };
  }

  async scalarTags(): Promise<readonly string[]> {
    return Object.keys(await this.scalarTable());
  }

  async scalars(_run: string, tag: string): Promise<readonly ScalarPoint[]> {
    const rows = (await this.scalarTable())[tag] ?? [];
    return rows.map(([step, value]) => ({ step, value: Number(value) }));
  }

  private health(): Promise<WholeHealth> {
    this.figures ??= this.document<HealthDocument>('health').then(wholeHealth);
    return this.figures;
  }

  private scalarTable(): Promise<Readonly<Record<string, readonly (readonly [number, JsonNumber])[]>>> {
    return this.document('scalars');
  }

  private async document<T>(name: string, what = 'it'): Promise<T> {
    return JSON.parse(new TextDecoder().decode(await this.unpacked(name, what)));
  }

  private async unpacked(name: string, what: string): Promise<ArrayBuffer> {
    const text = this.piece(name);
    if (text === null) throw new SourceError(`This page does not hold ${what}.`);
    return unpack(text);
  }

  /** A projection's part of the pieces' names. */
  private picture(projection: Projection, dims: Dims): string {
    const key = addressKey(projection);
    const number = this.index.projections.findIndex((offered) => addressKey(offered) === key);
    if (number < 0) throw new SourceError('This page does not hold this projection.');
    return `${number}-${dims}`;
  }
}
