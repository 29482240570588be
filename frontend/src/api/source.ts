import type { NpyArray } from './npy';
import type { ScalarPoint } from './scalars';
import type { Alerts, AttentionQuery, HealthDocument, PointsQuery, Probe, Progress, Runs } from './types';

/** Where the views get everything they show: TensorBoard over HTTP, or a made-up run. */
export interface DataSource {
  runs(signal?: AbortSignal): Promise<Runs>;
  probe(run: string, signal?: AbortSignal): Promise<Probe>;
  health(run: string, signal?: AbortSignal): Promise<HealthDocument>;
  alerts(run: string, signal?: AbortSignal): Promise<Alerts>;
  /** float32 [heads, queries + keys, dims]; `onProgress` hears of a frame that is still being fitted. */
  points(
    query: PointsQuery,
    signal?: AbortSignal,
    onProgress?: (progress: Progress) => void,
  ): Promise<NpyArray>;
  /** float32 [n_query, n_key] */
  attention(query: AttentionQuery, signal?: AbortSignal): Promise<NpyArray>;
  /** Names of the run’s scalars; none where TensorBoard runs without its scalars plugin. */
  scalarTags(run: string, signal?: AbortSignal): Promise<readonly string[]>;
  scalars(run: string, tag: string, signal?: AbortSignal): Promise<readonly ScalarPoint[]>;
}

/** A refusal in one sentence that is fit to be shown to the user as it stands. */
export class SourceError extends Error {
  override name = 'SourceError';
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
