import type { NpyArray } from '../base/npy';
import type { ChangePoints, FigureOfRunQuery } from '../run/change_points';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { Alerts, Evidence, EvidenceQuery, Findings, FindingsQuery } from '../run/findings';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import type { FigureQuery, Points, PointsQuery, Trust, TrustQuery } from '../run/pictures';
import type { ScalarPoint } from '../run/scalars';
import type { DataSource, Offers, Waiting } from '../run/source';
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
  TokensOf,
} from '../run/types';
import type { Connection } from './connection.svelte';

/** A source whose answers wait for its server, and for their run, as long as these are away. */
export class LastingSource implements DataSource {
  readonly offers?: Offers;

  constructor(
    private readonly source: DataSource,
    private readonly connection: Connection,
  ) {
    if (source.offers) this.offers = source.offers;
  }

  runs(signal?: AbortSignal): Promise<Runs> {
    return this.connection.ask(null, () => this.source.runs(signal), signal);
  }

  probe(run: string, signal?: AbortSignal): Promise<Probe> {
    return this.connection.ask(run, () => this.source.probe(run, signal), signal);
  }

  healthSteps(run: string, known: KnownHealth | null, signal?: AbortSignal): Promise<HealthSteps> {
    return this.connection.ask(run, () => this.source.healthSteps(run, known, signal), signal);
  }

  healthRows(query: RowsQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.healthRows(query, signal), signal);
  }

  healthFigure(query: FigureOfHeadsQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.healthFigure(query, signal), signal);
  }

  healthRange(query: RangeQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.healthRange(query, signal), signal);
  }

  alerts(run: string, signal?: AbortSignal): Promise<Alerts> {
    return this.connection.ask(run, () => this.source.alerts(run, signal), signal);
  }

  findings(query: FindingsQuery, waiting?: Waiting): Promise<Findings> {
    return this.connection.ask(query.run, () => this.source.findings(query, waiting), waiting?.signal);
  }

  evidence(query: EvidenceQuery, waiting?: Waiting): Promise<Evidence | null> {
    return this.connection.ask(query.run, () => this.source.evidence(query, waiting), waiting?.signal);
  }

  connections(query: ConnectionsQuery, signal?: AbortSignal): Promise<HeadConnections> {
    return this.connection.ask(query.run, () => this.source.connections(query, signal), signal);
  }

  labelAttention(query: LabelQuery, signal?: AbortSignal): Promise<LabelAttention> {
    return this.connection.ask(query.run, () => this.source.labelAttention(query, signal), signal);
  }

  changePoints(query: FigureOfRunQuery, signal?: AbortSignal): Promise<ChangePoints> {
    return this.connection.ask(query.run, () => this.source.changePoints(query, signal), signal);
  }

  points(query: PointsQuery, waiting?: Waiting): Promise<Points> {
    return this.connection.ask(query.run, () => this.source.points(query, waiting), waiting?.signal);
  }

  trust(query: TrustQuery, signal?: AbortSignal): Promise<Trust> {
    return this.connection.ask(query.run, () => this.source.trust(query, signal), signal);
  }

  attention(query: AttentionQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.attention(query, signal), signal);
  }

  imageSummary(query: ImageSummaryQuery, signal?: AbortSignal): Promise<ImageSummary> {
    return this.connection.ask(query.run, () => this.source.imageSummary(query, signal), signal);
  }

  image(run: string, sequence: number, side: TokensOf, signal?: AbortSignal): Promise<Blob> {
    return this.connection.ask(run, () => this.source.image(run, sequence, side, signal), signal);
  }

  pointFigures(query: FigureQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.pointFigures(query, signal), signal);
  }

  maps(query: MapsQuery, waiting?: Waiting): Promise<SmallMaps> {
    return this.connection.ask(query.run, () => this.source.maps(query, waiting), waiting?.signal);
  }

  change(query: ChangeQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.change(query, waiting), waiting?.signal);
  }

  similarity(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.similarity(query, waiting), waiting?.signal);
  }

  headOrder(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.connection.ask(query.run, () => this.source.headOrder(query, waiting), waiting?.signal);
  }

  scalarTags(run: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.connection.ask(null, () => this.source.scalarTags(run, signal), signal);
  }

  scalars(run: string, tag: string, signal?: AbortSignal): Promise<readonly ScalarPoint[]> {
    return this.connection.ask(null, () => this.source.scalars(run, tag, signal), signal);
  }
}
