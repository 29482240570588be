import { type NpyArray, parseNpy } from './npy';
import { pointsOf, type ScalarPoint, tagsOf } from './scalars';
import { type DataSource, SourceError } from './source';
import type { Alerts, AttentionQuery, HealthDocument, PointsQuery, Probe, Progress, Runs } from './types';

/** How long to wait before asking again for something that is still being made: 0.15 s, then slower, up to 2 s. */
const FIRST_WAIT = 150;
const LONGEST_WAIT = 2000;

/** The plugin's own routes, found beside the module, so that a path prefix of TensorBoard's needs no setting. */
export class HttpSource implements DataSource {
  /** @param base the folder of the routes, ending in a slash */
  constructor(private readonly base: URL) {}

  async runs(signal?: AbortSignal): Promise<Runs> {
    return (await this.get('runs', {}, signal)).json();
  }

  async probe(run: string, signal?: AbortSignal): Promise<Probe> {
    return (await this.get('probe', { run }, signal)).json();
  }

  async health(run: string, signal?: AbortSignal): Promise<HealthDocument> {
    return (await this.get('health', { run }, signal)).json();
  }

  async alerts(run: string, signal?: AbortSignal): Promise<Alerts> {
    return (await this.get('alerts', { run }, signal)).json();
  }

  points(
    query: PointsQuery,
    signal?: AbortSignal,
    onProgress?: (progress: Progress) => void,
  ): Promise<NpyArray> {
    return this.array('points', { ...query }, signal, onProgress);
  }

  attention(query: AttentionQuery, signal?: AbortSignal): Promise<NpyArray> {
    return this.array('attention', { ...query }, signal);
  }

  async scalarTags(run: string, signal?: AbortSignal): Promise<readonly string[]> {
    try {
      return tagsOf(await (await this.get('../scalars/tags', {}, signal)).json(), run);
    } catch (error) {
      if (error instanceof SourceError) return [];
      throw error;
    }
  }

  async scalars(run: string, tag: string, signal?: AbortSignal): Promise<readonly ScalarPoint[]> {
    return pointsOf(await (await this.get('../scalars/scalars', { run, tag }, signal)).json());
  }

  /** Asks again until the server has made the array. */
  private async array(
    route: string,
    parameters: Readonly<Record<string, string | number>>,
    signal?: AbortSignal,
    onProgress?: (progress: Progress) => void,
  ): Promise<NpyArray> {
    for (let wait = FIRST_WAIT; ; wait = Math.min(1.5 * wait, LONGEST_WAIT)) {
      const response = await this.get(route, parameters, signal);
      if (response.status !== 202) return parseNpy(await response.arrayBuffer());
      onProgress?.(await response.json());
      await sleep(wait, signal);
    }
  }

  private async get(
    route: string,
    parameters: Readonly<Record<string, string | number>>,
    signal?: AbortSignal,
  ): Promise<Response> {
    const url = new URL(route, this.base);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
    let response: Response;
    try {
      // Every answer has an ETag: the browser revalidates its own copy, and a 304 costs no body.
      response = await fetch(url, { cache: 'no-cache', ...(signal && { signal }) });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new SourceError('TensorBoard does not answer. Is it still running?');
    }
    if (!response.ok) throw new SourceError(await refusal(response, route));
    return response;
  }
}

async function refusal(response: Response, route: string): Promise<string> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string') {
      return body.error;
    }
  } catch {
    // Not JSON: a proxy or TensorBoard itself answered; its page says nothing that helps here.
  }
  return `The server answered ${response.status} to “${route}”.`;
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
