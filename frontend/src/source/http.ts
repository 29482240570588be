import { type NpyArray, parseNpy, parseNpyBytes } from '../base/npy';
import { sleep } from '../base/sleep';
import type { ChangePoints, FigureOfRunQuery } from '../run/change_points';
import type { ConnectionsQuery, HeadConnections } from '../run/connections';
import type { Alerts, Evidence, EvidenceQuery, Findings, FindingsQuery } from '../run/findings';
import type { LabelAttention, LabelQuery } from '../run/label_attention';
import type { FigureQuery, Points, PointsQuery, Trust, TrustQuery } from '../run/pictures';
import { address } from '../run/projection';
import { pointsOf, type ScalarPoint, tagsOf } from '../run/scalars';
import { type DataSource, LostError, SilentError, SourceError, type Waiting } from '../run/source';
import type {
  AttentionQuery,
  ChangeQuery,
  FigureOfHeadsQuery,
  HealthSteps,
  ImageSummary,
  ImageSummaryQuery,
  JsonNumber,
  KnownHealth,
  MapsQuery,
  Probe,
  RangeQuery,
  RowsQuery,
  Run,
  Runs,
  Segment,
  SimilarityQuery,
  SmallMaps,
  TokensOf,
} from '../run/types';

/** How long to wait before asking again for something that is still being made: 0.3 s, then slower, up to 2 s. */
const FIRST_WAIT = 300;
const LONGEST_WAIT = 2000;

/** Milliseconds after which a server that has not begun to answer is lost: what takes long is answered with 202. */
const PATIENCE = 15_000;

/** What proxies answer while the server behind them does not. */
const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);

const UNANSWERED = 'TensorBoard does not answer. Is it still running?';

type Parameters = Readonly<Record<string, string | number>>;

/** The plugin's own routes, found beside the module, so that a path prefix of TensorBoard's needs no setting. */
export class HttpSource implements DataSource {
  /** @param base the folder of the routes, ending in a slash */
  constructor(private readonly base: URL) {}

  async runs(signal?: AbortSignal): Promise<Runs> {
    const said: { runs: readonly ListedRun[] } = await read(
      (await this.get('runs', { steps: 'spans' }, signal)).json(),
      signal,
    );
    return { runs: said.runs.map(spelledOut) };
  }

  async probe(run: string, signal?: AbortSignal): Promise<Probe> {
    return read((await this.get('probe', { run }, signal)).json(), signal);
  }

  async healthSteps(run: string, known: KnownHealth | null, signal?: AbortSignal): Promise<HealthSteps> {
    const response = await this.get('health_steps', { run, ...known }, signal);
    const said: Omit<HealthSteps, 'steps'> & { steps: Spans } = await read(response.json(), signal);
    return { ...said, steps: stepsOfSpans(said.steps) };
  }

  healthRows(query: RowsQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('health_rows', { ...query }, { signal });
  }

  healthFigure(query: FigureOfHeadsQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('health_figure', { ...query }, { signal });
  }

  healthRange(query: RangeQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('health_range', { ...query }, { signal });
  }

  async alerts(run: string, signal?: AbortSignal): Promise<Alerts> {
    return read((await this.get('alerts', { run }, signal)).json(), signal);
  }

  findings(query: FindingsQuery, waiting?: Waiting): Promise<Findings> {
    return this.json('findings', { ...query }, waiting);
  }

  async evidence(query: EvidenceQuery, waiting: Waiting = {}): Promise<Evidence | null> {
    const response = await this.made('evidence', { ...query }, waiting);
    const answer: { evidence: Evidence | null } = await read(response.json(), waiting.signal);
    return answer.evidence;
  }

  connections(query: ConnectionsQuery, signal?: AbortSignal): Promise<HeadConnections> {
    return this.json('connections', { ...query }, { signal });
  }

  labelAttention(query: LabelQuery, signal?: AbortSignal): Promise<LabelAttention> {
    return this.json('label_attention', { ...query }, { signal });
  }

  changePoints(query: FigureOfRunQuery, signal?: AbortSignal): Promise<ChangePoints> {
    return this.json('change_points', { ...query }, { signal });
  }

  async points(query: PointsQuery, waiting: Waiting = {}): Promise<Points> {
    const { projection, alone, inFrameOf, ...place } = query;
    const parameters = {
      ...place,
      ...address(projection),
      ...(inFrameOf !== undefined && { in_frame_of: inFrameOf }),
    };
    const response = await this.made('points', parameters, waiting, alone?.points);
    const notes = readNotes(response.headers.get('Attnviz-Notes'), query.head);
    return { ...parseNpy(await read(response.arrayBuffer(), waiting.signal)), notes };
  }

  trust({ projection, ...place }: TrustQuery, signal?: AbortSignal): Promise<Trust> {
    return this.json('trust', { ...place, ...address(projection) }, { signal });
  }

  attention(query: AttentionQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('attention', { ...query }, { signal });
  }

  async imageSummary(query: ImageSummaryQuery, signal?: AbortSignal): Promise<ImageSummary> {
    const response = await this.made('image_summary', { ...query }, { signal });
    const summary: { offsets: JsonNumber[]; distance: JsonNumber } = await read(response.json(), signal);
    return { offsets: Float32Array.from(summary.offsets, Number), distance: Number(summary.distance) };
  }

  async image(run: string, sequence: number, side: TokensOf, signal?: AbortSignal): Promise<Blob> {
    return read((await this.get('image', { run, sequence, side }, signal)).blob(), signal);
  }

  pointFigures(query: FigureQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('point_figures', { ...query }, { signal });
  }

  async maps(query: MapsQuery, waiting: Waiting = {}): Promise<SmallMaps> {
    const response = await this.made('maps', { ...query }, waiting);
    return parseNpyBytes(await read(response.arrayBuffer(), waiting.signal));
  }

  change(query: ChangeQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.array('change', { ...query }, waiting);
  }

  similarity(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.array('similarity', { ...query }, waiting);
  }

  headOrder(query: SimilarityQuery, waiting?: Waiting): Promise<NpyArray> {
    return this.array('head_order', { ...query }, waiting);
  }

  async scalarTags(run: string, signal?: AbortSignal): Promise<readonly string[]> {
    try {
      return tagsOf(await read((await this.get('../scalars/tags', {}, signal)).json(), signal), run);
    } catch (error) {
      if (error instanceof SourceError && !(error instanceof LostError)) return [];
      throw error;
    }
  }

  async scalars(run: string, tag: string, signal?: AbortSignal): Promise<readonly ScalarPoint[]> {
    return pointsOf(await read((await this.get('../scalars/scalars', { run, tag }, signal)).json(), signal));
  }

  private async array(route: string, query: Parameters, waiting: Waiting = {}): Promise<NpyArray> {
    const response = await this.made(route, query, waiting);
    return parseNpy(await read(response.arrayBuffer(), waiting.signal));
  }

  private async json<Answer>(route: string, query: Parameters, waiting: Waiting = {}): Promise<Answer> {
    return read((await this.made(route, query, waiting)).json(), waiting.signal);
  }

  /** Asks again until the server has made the answer. */
  private async made(
    route: string,
    parameters: Parameters,
    { signal, onProgress, priority }: Waiting,
    points?: readonly number[],
  ): Promise<Response> {
    for (let wait = FIRST_WAIT; ; wait = Math.min(1.5 * wait, LONGEST_WAIT)) {
      const asked = { ...parameters, ...(priority && { priority: priority() }) };
      const response = await this.get(route, asked, signal, points);
      if (response.status !== 202) return response;
      onProgress?.(await read(response.json(), signal));
      await sleep(wait, signal);
    }
  }

  /** @param points are too many for an address, and so are put into the body of a POST */
  private async get(
    route: string,
    parameters: Parameters,
    signal?: AbortSignal,
    points?: readonly number[],
  ): Promise<Response> {
    const url = new URL(route, this.base);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), PATIENCE);
    let response: Response;
    try {
      response = await fetch(url, {
        // Every answer has an ETag: the browser revalidates its own copy, and a 304 costs no body.
        cache: 'no-cache',
        ...(points && {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ points }),
        }),
        signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new (silence.signal.aborted ? SilentError : LostError)(UNANSWERED);
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    const { status } = response;
    const said = await refusal(response);
    if (said === null && GATEWAY.has(status)) throw new LostError(unsaid(status, route), status);
    throw new SourceError(said ?? unsaid(status, route), status);
  }
}

/** First, distance and count of each stretch of steps of equal distances. */
type Spans = readonly (readonly [first: number, distance: number, count: number])[];

/** A run as it is listed: its steps are spans. */
type ListedRun = Omit<Run, 'steps' | 'segments' | 'maps'> & {
  readonly steps: Spans;
  readonly segments: readonly (Omit<Segment, 'steps'> & { readonly steps: Spans })[];
  readonly maps?: { readonly steps: Spans; readonly kinds: readonly string[] };
};

function spelledOut({ steps, segments, maps, ...run }: ListedRun): Run {
  return {
    ...run,
    steps: stepsOfSpans(steps),
    segments: segments.map((segment) => ({ ...segment, steps: stepsOfSpans(segment.steps) })),
    ...(maps && { maps: { ...maps, steps: stepsOfSpans(maps.steps) } }),
  };
}

function stepsOfSpans(spans: Spans): number[] {
  return spans.flatMap(([first, distance, count]) =>
    Array.from({ length: count }, (_, i) => first + i * distance),
  );
}

/** The body of an answer, which may break off, or be a page of a proxy's. */
async function read<Body>(body: Promise<Body>, signal?: AbortSignal): Promise<Body> {
  try {
    return await body;
  } catch (error) {
    if (signal?.aborted) throw error;
    const says = 'TensorBoard’s answer cannot be read: it broke off, or something answered in its stead.';
    throw error instanceof SyntaxError ? new SourceError(says) : new LostError(says);
  }
}

/** The header's sentences by head; of a single head's answer, its only one. */
function readNotes(header: string | null, head: number | undefined): ReadonlyMap<number, string> {
  if (header === null) return new Map();
  const notes = Object.entries(JSON.parse(header) as Record<string, string>);
  return new Map(notes.map(([key, sentence]) => [head ?? Number(key), sentence]));
}

/** The server's own sentence; null where there is none. */
async function refusal(response: Response): Promise<string | null> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string') {
      return body.error;
    }
  } catch {
    // Not JSON: a proxy or TensorBoard itself answered; its page says nothing that helps here.
  }
  return null;
}

function unsaid(status: number, route: string): string {
  return `The server answered ${status} to “${route}”.`;
}
