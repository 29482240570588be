import { type NpyField, writeNpy, writeNpyRecords } from '../base/npy';
import { type Grid, headPlace } from '../render/layout';
import type { HeadPlace } from '../run/head';
import { layerTokens, listName, ownPoint, runLists } from '../run/lists';
import { type TokenIndex, tokenAt } from '../run/places';
import type { Layer, Run } from '../run/types';
import { headsOf, type WholeHealth } from '../run/whole_health';
import { csvOf, type Field } from './csv';

/** The numbers behind the views, as files. Layers and heads go by the model's own numbers, as the views name them. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** One head's points at one step. */
export interface HeadPoints extends HeadPlace {
  readonly step: number;
  /** [queries + keys, dims]; null where it has no picture. */
  readonly points: Float32Array | null;
}

const AXES = ['x', 'y', 'z'];

/** A row a point: layer, head, step, point, kind, token, sequence, position, x, y[, z]. The point's number is its own
 * layer's. Where layers differ in their tokens, `list` says which ones it is of. */
export function pointsCsv(
  heads: readonly HeadPoints[],
  dims: 2 | 3,
  { layers, ...run }: Pick<Run, 'layers' | 'lists' | 'queries'>,
  tokens: TokenIndex,
): string {
  const lists = runLists(run);
  const names = [
    'layer',
    'head',
    'step',
    'point',
    'kind',
    'token',
    'sequence',
    'position',
    ...(lists.length > 1 ? ['list'] : []),
    ...AXES.slice(0, dims),
  ];
  function* rows(): Generator<Field[]> {
    for (const { layer, head, step, points } of heads) {
      const described = layers[layer];
      const own = described && layerTokens(lists, described);
      for (let point = 0; points && point < points.length / dims; point++) {
        const number = own ? ownPoint(own, run.queries, point) : point;
        if (number === null) continue;
        const token = point % tokens.tokens;
        const [sequence, position] = [tokens.sequence[token] ?? 0, tokens.position[token] ?? 0];
        yield [
          ...numbersOf(layers, layer, head),
          step,
          number,
          point < tokens.tokens ? 'query' : 'key',
          tokenAt(tokens, token),
          sequence,
          position,
          ...(lists.length > 1 ? [listName(lists[tokens.list[token] ?? 0])] : []),
          ...points.subarray(point * dims, (point + 1) * dims),
        ];
      }
    }
  }
  return csvOf(names, rows());
}

/** float32 [...lead, points, dims]; NaN for a head without a picture. */
export function pointsNpy(
  heads: readonly HeadPoints[],
  dims: 2 | 3,
  count: number,
  lead: readonly number[],
): Bytes {
  const data = new Float32Array(heads.length * count * dims).fill(Number.NaN);
  heads.forEach(({ points }, i) => {
    if (points) data.set(points, i * count * dims);
  });
  return writeNpy({ shape: [...lead, count, dims], data });
}

/** Attention of one head within one sequence. */
export interface HeadAttention extends HeadPlace {
  readonly step: number;
  /** A number, or "mean". */
  readonly sequence: string;
  readonly queries: readonly string[];
  readonly keys: readonly string[];
  /** [queries, keys] */
  readonly weights: Float32Array;
}

/** A row a pair: layer, head, step, sequence, query, query_token, key, key_token, and the weight.
 * @param called what weights are: "attention" */
export function attentionCsv(
  all: readonly HeadAttention[],
  layers: readonly Layer[],
  called: string,
): string {
  const names = ['layer', 'head', 'step', 'sequence', 'query', 'query_token', 'key', 'key_token', called];
  function* rows(): Generator<Field[]> {
    for (const { layer, head, step, sequence, queries, keys, weights } of all) {
      for (let i = 0; i < queries.length * keys.length; i++) {
        const [query, key] = [Math.floor(i / keys.length), i % keys.length];
        const pair = [query, queries[query] ?? '', key, keys[key] ?? ''];
        yield [...numbersOf(layers, layer, head), step, sequence, ...pair, weights[i] ?? Number.NaN];
      }
    }
  }
  return csvOf(names, rows());
}

/** A row a step and head: step, layer, head and every figure. */
export function healthCsv(health: WholeHealth, grid: Grid, layers: readonly Layer[]): string {
  return csvOf(
    healthFields(health).map(({ name }) => name),
    healthRows(health, grid, layers),
  );
}

/** The same as a structured array, [steps × heads]. */
export function healthNpy(health: WholeHealth, grid: Grid, layers: readonly Layer[]): Bytes {
  return writeNpyRecords(healthFields(health), healthRows(health, grid, layers));
}

function healthFields({ figures }: WholeHealth): NpyField[] {
  const places = ['step', 'layer', 'head'].map((name) => ({ name, whole: true }));
  return [...places, ...figures.map((name) => ({ name, whole: false }))];
}

function healthRows(health: WholeHealth, grid: Grid, layers: readonly Layer[]): number[][] {
  const { steps, figures, values } = health;
  const heads = headsOf(health.heads);
  return steps.flatMap((step, i) =>
    Array.from({ length: heads }, (_, number) => {
      const { layer, head } = headPlace(grid, number);
      const own = figures.map(
        (_, figure) => values[(i * figures.length + figure) * heads + number] ?? Number.NaN,
      );
      return [step, ...numbersOf(layers, layer, head), ...own];
    }),
  );
}

function numbersOf(layers: readonly Layer[], layer: number, head: number): [number, number] {
  return [layers[layer]?.number ?? layer, layers[layer]?.head_numbers[head] ?? head];
}
