import type { NpyArray } from '../base/npy';
import { counterparts } from './counterparts';
import { type LayerTokens, layerTokens, listsOf, ownPoint } from './lists';
import type { FigureQuery, Points, PointsQuery, Trust, TrustQuery } from './pictures';
import type { DataSource, Waiting } from './source';
import type { Run, Runs } from './types';

/** Makes layers that differ in their tokens alike: every head has a query and a key for each token of all lists
 * (`Run.lists`), and those that its layer does not have are NaN. Runs whose layers all have the probe's own tokens
 * pass as they are. What is drawn in the frame of another run is asked for by that run's layers, and has its numbers of tokens. */
export function numberedSource(source: DataSource): DataSource {
  const own = new Numbered(source);
  return new Proxy(source, {
    get(_, question) {
      const of = question in own ? own : source;
      const answer: unknown = Reflect.get(of, question);
      return typeof answer === 'function' ? answer.bind(of) : answer;
    },
  });
}

/** What numbers of tokens are in. */
class Numbered implements Pick<DataSource, 'runs' | 'points' | 'trust' | 'pointFigures'> {
  private numbered: ReadonlyMap<string, Run> = new Map();

  constructor(private readonly source: DataSource) {}

  async runs(signal?: AbortSignal): Promise<Runs> {
    const runs = (await this.source.runs(signal)).runs.map(numberedRun);
    // A run that is unlisted for a while is asked for all the same.
    this.numbered = new Map([...this.numbered, ...runs.map((run) => [run.run, run] as const)]);
    return { runs };
  }

  async points(asked: PointsQuery, waiting?: Waiting): Promise<Points> {
    const part = this.partOf({ run: asked.inFrameOf ?? asked.run, layer: asked.layer });
    const query = { ...asked, layer: this.ownLayer(asked) };
    if (!part) return this.source.points(query, waiting);
    const { alone, dims } = query;
    if (!alone) {
      const points = await this.source.points(query, waiting);
      return { ...points, ...spread(points, part, dims) };
    }
    const own = alone.points.flatMap((point) => part.own(point) ?? []);
    const shape = [1, alone.points.length, dims];
    const data = new Float32Array(alone.points.length * dims).fill(Number.NaN);
    if (own.length === 0) {
      return { shape, data, notes: new Map([[query.head ?? 0, 'This head has none of these tokens.']]) };
    }
    const of = part.queries.tokens + part.keys.tokens;
    const found = await this.source.points({ ...query, alone: { ...alone, points: own, of } }, waiting);
    let at = 0;
    alone.points.forEach((point, i) => {
      if (part.own(point) === null) return;
      data.set(found.data.subarray(at, at + dims), i * dims);
      at += dims;
    });
    return { ...found, shape, data };
  }

  async trust(query: TrustQuery, signal?: AbortSignal): Promise<Trust> {
    const part = this.partOf(query);
    const trust = await this.source.trust(query, signal);
    if (!part) return trust;
    const all = (of: Trust['tears']) =>
      part.numbers.map((own) => (own === null ? 'NaN' : (of[own] ?? 'NaN')));
    return {
      ...trust,
      missed_keys: all(trust.missed_keys),
      false_neighbours: all(trust.false_neighbours),
      tears: all(trust.tears),
    };
  }

  async pointFigures(query: FigureQuery, signal?: AbortSignal): Promise<NpyArray> {
    const part = this.partOf(query);
    const figures = await this.source.pointFigures(query, signal);
    return part ? spread(figures, part, 1) : figures;
  }

  /** The number that its own run has of the layer that is asked for. */
  private ownLayer({ run, layer, inFrameOf = run }: PointsQuery): number {
    const [home, own] = [this.numbered.get(inFrameOf), this.numbered.get(run)];
    if (!home || !own || home === own) return layer;
    const found = counterparts(home, own)[layer] ?? null;
    if (found === null) throw new Error(`${run} did not record ${home.layers[layer]?.name ?? layer}.`);
    return found;
  }

  /** Null where nothing is to be translated. */
  private partOf({ run, layer }: { readonly run: string; readonly layer: number }): Part | null {
    const { lists, layers, queries } = this.numbered.get(run) ?? {};
    const described = layers?.[layer];
    return lists && described ? new Part(layerTokens(lists, described), queries ?? 0) : null;
  }
}

/** Where a layer's points are among those of all lists: some of `total` queries, and of as many keys. */
class Part implements LayerTokens {
  readonly queries;
  readonly keys;

  constructor(
    { queries, keys }: LayerTokens,
    readonly total: number,
  ) {
    this.queries = queries;
    this.keys = keys;
  }

  /** A point's number among the layer's own; null where it has none. */
  own(point: number): number | null {
    return ownPoint(this, this.total, point);
  }

  /** The same of every point. */
  get numbers(): (number | null)[] {
    return Array.from({ length: 2 * this.total }, (_, point) => this.own(point));
  }
}

/** A run whose `queries` and `keys` count the tokens of all its lists; the same object where it has one list only. */
function numberedRun(run: Run): Run {
  const lists = listsOf(run);
  if (lists.length === 1) return run;
  const total = lists.reduce((sum, { tokens }) => sum + tokens, 0);
  return { ...run, lists, queries: total, keys: total };
}

/** @param array [heads, a layer's own points, ...]
 * @param width how many numbers a point has
 * @returns [heads, all points, ...], NaN where the layer has none */
function spread({ shape, data }: NpyArray, { queries, keys, total }: Part, width: number): NpyArray {
  const [heads = 1, points = 0, ...rest] = shape;
  const all = new Float32Array(heads * 2 * total * width).fill(Number.NaN);
  for (let head = 0; head < heads; head++) {
    const own = data.subarray(head * points * width, (head + 1) * points * width);
    const base = head * 2 * total;
    all.set(own.subarray(0, queries.tokens * width), (base + queries.first) * width);
    all.set(own.subarray(queries.tokens * width), (base + total + keys.first) * width);
  }
  return { shape: [heads, 2 * total, ...rest], data: all };
}
