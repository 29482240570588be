import type { NpyArray } from '../base/npy';
import type { ChangePoints, FigureOfRunQuery } from './change_points';
import type { ConnectionsQuery, HeadConnections } from './connections';
import type { Alerts, Evidence, EvidenceQuery, Findings, FindingsQuery } from './findings';
import type { LabelAttention, LabelQuery } from './label_attention';
import type { Dims, FigureQuery, Points, PointsQuery, Trust, TrustQuery } from './pictures';
import type { Projection } from './projection';
import type { ScalarPoint } from './scalars';
import type {
  AttentionQuery,
  ChangeQuery,
  FigureOfHeadsQuery,
  HealthSteps,
  ImageSummary,
  ImageSummaryQuery,
  KnownHealth,
  MapsQuery,
  Priority,
  Probe,
  Progress,
  RangeQuery,
  RowsQuery,
  Runs,
  SimilarityQuery,
  SmallMaps,
  TokensOf,
} from './types';

/** How an answer is waited for. The server drops work that nobody asks about any more, so aborting cancels it. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the work is, as long as there is no answer. */
  readonly onProgress?: (progress: Progress) => void;
  /** How urgent the answer is now; asked again each time, because that changes while one waits. */
  readonly priority?: () => Priority;
}

/** What a source has that makes nothing: controls offer this, and nothing else. */
export interface Offers {
  readonly projections: readonly Projection[];
  readonly dims: readonly Dims[];
  readonly trust: boolean;
  /** How far heads changed, and how alike they are. */
  readonly comparisons: boolean;
  /** What it holds and what not, for people. */
  readonly says: string;
  /** Notes on heads that came with it, as their file has them. */
  readonly notes?: unknown;
}

/** Where the views get everything they show: TensorBoard over HTTP, or a made-up run. */
export interface DataSource {
  /** Absent: whatever is asked for is made. */
  readonly offers?: Offers;
  runs(signal?: AbortSignal): Promise<Runs>;
  probe(run: string, signal?: AbortSignal): Promise<Probe>;
  /** @param known only the later steps are wanted; the answer has all of them where what is known is no longer so */
  healthSteps(run: string, known: KnownHealth | null, signal?: AbortSignal): Promise<HealthSteps>;
  /** float32 [rows, figures, heads]: as they were recorded; NaN where a figure is not known */
  healthRows(query: RowsQuery, signal?: AbortSignal): Promise<NpyArray>;
  /** float32 [4, buckets, heads]: least and greatest in each bucket of rows, and the first row of each; of buckets of one row
   * [1, rows, heads] */
  healthFigure(query: FigureOfHeadsQuery, signal?: AbortSignal): Promise<NpyArray>;
  /** float32 [figures, 2, buckets]: least and greatest; of all heads those alone that are finite */
  healthRange(query: RangeQuery, signal?: AbortSignal): Promise<NpyArray>;
  alerts(run: string, signal?: AbortSignal): Promise<Alerts>;
  /** What every head does at a step. */
  findings(query: FindingsQuery, waiting?: Waiting): Promise<Findings>;
  /** What shows best that a head does so; null where nothing does. */
  evidence(query: EvidenceQuery, waiting?: Waiting): Promise<Evidence | null>;
  /** Who feeds a head, and whom it feeds. */
  connections(query: ConnectionsQuery, signal?: AbortSignal): Promise<HeadConnections>;
  /** From which kind of token to which a head attends. */
  labelAttention(query: LabelQuery, signal?: AbortSignal): Promise<LabelAttention>;
  /** When a figure of the heads moved to another level. */
  changePoints(query: FigureOfRunQuery, signal?: AbortSignal): Promise<ChangePoints>;
  points(query: PointsQuery, waiting?: Waiting): Promise<Points>;
  trust(query: TrustQuery, signal?: AbortSignal): Promise<Trust>;
  /** float32 [n_query, n_key]; [1, n_key] of one query, [n_query, 1] of one key */
  attention(query: AttentionQuery, signal?: AbortSignal): Promise<NpyArray>;
  /** What the attention within one image comes to, where the matrix is too large to be asked for. */
  imageSummary(query: ImageSummaryQuery, signal?: AbortSignal): Promise<ImageSummary>;
  /** The picture of one sequence, or of its other side, PNG. */
  image(run: string, sequence: number, side: TokensOf, signal?: AbortSignal): Promise<Blob>;
  /** float32 [heads, queries + keys]; NaN where a figure is not defined */
  pointFigures(query: FigureQuery, signal?: AbortSignal): Promise<NpyArray>;
  /** What every head attends to on the average, by position or distance. */
  maps(query: MapsQuery, waiting?: Waiting): Promise<SmallMaps>;
  /** float32 [heads]: the mean Jensen-Shannon distance of the rows of attention at the two steps, in [0, 1]. */
  change(query: ChangeQuery, waiting?: Waiting): Promise<NpyArray>;
  /** float32 [heads, heads] over all layers: 1 less the mean Jensen-Shannon distance of the rows of attention. Of one `head`
   * [heads], or the whole. */
  similarity(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray>;
  /** Each head's place in an order in which alike ones stand together. [heads of all layers] */
  headOrder(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray>;
  /** Names of the run’s scalars; none where TensorBoard runs without its scalars plugin. */
  scalarTags(run: string, signal?: AbortSignal): Promise<readonly string[]>;
  scalars(run: string, tag: string, signal?: AbortSignal): Promise<readonly ScalarPoint[]>;
}

/** A refusal in one sentence that is fit to be shown to the user as it stands. */
export class SourceError extends Error {
  override name = 'SourceError';

  /** @param status of the server's answer; null where no server refused */
  constructor(
    message: string,
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

/** Nobody answered, or not to the end: it may be asked again. */
export class LostError extends SourceError {
  override name = 'LostError';
}

/** A server took the question, and has not begun to answer it for long. */
export class SilentError extends LostError {
  override name = 'SilentError';
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
