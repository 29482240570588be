import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION, type Projection } from '../run/projection';
import { SilentError } from '../run/source';
import type { Priority } from '../run/types';
import { HttpSource } from './http';

const base = new URL('http://localhost:6006/prefix/data/plugin/attnviz/');
const query: PointsQuery = {
  run: 'a/b',
  step: 200,
  layer: 1,
  projection: DEFAULT_PROJECTION,
  dims: 2,
  frame: 400,
};
const fetched = vi.fn<typeof fetch>();

/** float32 [1]: the value 5. */
function five(): Response {
  const header = `${"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".padEnd(117)}\n`;
  const bytes = new Uint8Array(10 + 118 + 4);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  bytes.set(new TextEncoder().encode(header), 10);
  new DataView(bytes.buffer).setFloat32(128, 5, true);
  return new Response(bytes);
}

const json = (body: object, status = 200) => new Response(JSON.stringify(body), { status });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', fetched.mockReset());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('HttpSource', () => {
  it('asks the routes beside the module, whatever the path prefix', async () => {
    fetched.mockResolvedValueOnce(json({ runs: [] }));
    expect(await new HttpSource(base).runs()).toEqual({ runs: [] });
    expect(String(fetched.mock.calls[0]?.[0])).toBe(
      'http://localhost:6006/prefix/data/plugin/attnviz/runs?steps=spans',
    );
  });

  it('never takes an answer of its own cache for the server’s: a step may have been recorded again', async () => {
    fetched.mockImplementation(async () => five());
    const source = new HttpSource(base);
    const step = { run: 'a', step: 200, layer: 0 };
    await source.points(query);
    await source.points({ ...query, head: 0, alone: { id: '1', points: [1, 2], of: 4 } });
    await source.attention({ ...step, head: 0, sequence: 0 });
    await source.pointFigures({ ...step, figure: 'norm' });
    await source.change({ ...step, since: 0 });
    await source.similarity({ run: 'a', step: 200 });
    await source.image('a', 0, 'tokens');
    expect(fetched.mock.calls.map(([, init]) => init?.cache)).toEqual(Array(7).fill('no-cache'));
  });

  it('asks for small maps, and reads their bytes', async () => {
    const header = `${"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }".padEnd(117)}\n`;
    const bytes = new Uint8Array(10 + 118 + 2);
    bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
    bytes.set(new TextEncoder().encode(header), 10);
    bytes.set([0, 255], 128);
    fetched.mockResolvedValueOnce(new Response(bytes));
    const maps = await new HttpSource(base).maps({ run: 'a', step: 50, kind: '14 × 14', part: 'received' });
    expect([...maps.data]).toEqual([0, 255]);
    const { pathname, searchParams } = new URL(String(fetched.mock.calls[0]?.[0]));
    expect(pathname).toBe('/prefix/data/plugin/attnviz/maps');
    expect(Object.fromEntries(searchParams)).toEqual({
      run: 'a',
      step: '50',
      kind: '14 × 14',
      part: 'received',
    });
  });

  it('says what is wrong with an answer that breaks off, or that something else gave', async () => {
    const torn = new ReadableStream({ pull: (stream) => stream.error(new TypeError('network error')) });
    fetched
      .mockResolvedValueOnce(new Response(torn))
      .mockResolvedValueOnce(new Response('<html>Log in</html>'));
    const source = new HttpSource(base);
    await expect(source.points(query)).rejects.toThrow('TensorBoard’s answer cannot be read');
    await expect(source.runs()).rejects.toThrow('TensorBoard’s answer cannot be read');
  });

  it('gives up a question that is not begun to be answered, but no answer that comes slowly', async () => {
    const hangs = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      });
    fetched.mockImplementationOnce(hangs);
    const refused = expect(new HttpSource(base).runs()).rejects.toThrow(SilentError);
    await vi.advanceTimersByTimeAsync(15_000);
    await refused;
    const slow = new ReadableStream({
      start(stream) {
        setTimeout(() => {
          stream.enqueue(new TextEncoder().encode('{"runs": []}'));
          stream.close();
        }, 60_000);
      },
    });
    fetched.mockResolvedValueOnce(new Response(slow));
    const answer = new HttpSource(base).runs();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await answer).toEqual({ runs: [] });
  });

  it('asks again while a frame is being fitted, tells the progress, and then gives the points', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 3, total: 16 }, 202))
      .mockResolvedValueOnce(json({ state: 'computing', done: 9, total: 16 }, 202))
      .mockResolvedValueOnce(five());
    const heard: number[] = [];
    const answer = new HttpSource(base).points(query, { onProgress: ({ done }) => heard.push(done) });
    await vi.runAllTimersAsync();
    expect([...(await answer).data]).toEqual([5]);
    expect(heard).toEqual([3, 9]);
    const url = new URL(String(fetched.mock.calls[0]?.[0]));
    expect(Object.fromEntries(url.searchParams)).toEqual({
      run: 'a/b',
      step: '200',
      layer: '1',
      projection: 'biplot',
      normalise: 'canonical',
      dims: '2',
      frame: '400',
    });
  });

  it('asks again while a change is being computed', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 0, total: 1 }, 202))
      .mockResolvedValueOnce(five());
    const answer = new HttpSource(base).change({ run: 'a/b', step: 200, since: 0, layer: 3 });
    await vi.runAllTimersAsync();
    expect([...(await answer).data]).toEqual([5]);
    expect(String(fetched.mock.calls[1]?.[0])).toBe(`${base}change?run=a%2Fb&step=200&since=0&layer=3`);
  });

  it('asks again while an attention is being computed', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 0, total: 0 }, 202))
      .mockResolvedValueOnce(five());
    const answer = new HttpSource(base).attention({ run: 'a', step: 0, layer: 0, head: 0, sequence: 0 });
    await vi.runAllTimersAsync();
    expect([...(await answer).data]).toEqual([5]);
  });

  it('stops asking when it is no longer wanted', async () => {
    fetched.mockImplementation(async () => json({ state: 'computing', done: 0, total: 1 }, 202));
    const controller = new AbortController();
    const answer = new HttpSource(base).points(query, { signal: controller.signal });
    const refused = expect(answer).rejects.toThrow(/abort/i);
    await vi.advanceTimersByTimeAsync(500);
    const asked = fetched.mock.calls.length;
    controller.abort();
    await vi.runAllTimersAsync();
    await refused;
    expect(fetched.mock.calls.length).toBe(asked);
  });

  it('refuses with the server’s own sentence', async () => {
    fetched.mockResolvedValueOnce(json({ error: 'There is no step 7; the run has 0, 200, 400.' }, 404));
    await expect(new HttpSource(base).points(query)).rejects.toThrow(
      'There is no step 7; the run has 0, 200, 400.',
    );
  });

  it('asks TensorBoard’s own scalars beside our routes, and has none where there are none', async () => {
    fetched.mockResolvedValueOnce(json({ 'a/b': { loss: {} } }));
    expect(await new HttpSource(base).scalarTags('a/b')).toEqual(['loss']);
    expect(String(fetched.mock.calls[0]?.[0])).toBe('http://localhost:6006/prefix/data/plugin/scalars/tags');
    fetched.mockResolvedValueOnce(json([[1.5, 0, 'NaN']]));
    expect(await new HttpSource(base).scalars('a/b', 'loss')).toEqual([
      { step: 0, time: 1.5, value: Number.NaN },
    ]);
    fetched.mockResolvedValueOnce(new Response('Not found', { status: 404 }));
    expect(await new HttpSource(base).scalarTags('a/b')).toEqual([]);
  });

  it('has a sentence of its own when the server has none', async () => {
    fetched.mockResolvedValueOnce(new Response('<html>', { status: 502 }));
    await expect(new HttpSource(base).healthSteps('a', null)).rejects.toThrow(
      'The server answered 502 to “health_steps”.',
    );
    fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
    await expect(new HttpSource(base).runs()).rejects.toThrow('TensorBoard does not answer');
  });

  it('says all parameters of a projection, and how urgent it is each time it asks', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 0, total: 0 }, 202))
      .mockResolvedValueOnce(five());
    const projection: Projection = { ...DEFAULT_PROJECTION, method: 'tsne', perplexity: 50, neighbours: 3 };
    let priority: Priority = 2;
    const answer = new HttpSource(base).points(
      { ...query, head: 3, projection, fit: 'newest' },
      { priority: () => priority },
    );
    await vi.advanceTimersByTimeAsync(10);
    priority = 0;
    await vi.runAllTimersAsync();
    await answer;
    const [first, second] = fetched.mock.calls.map(([url]) => new URL(String(url)).searchParams);
    expect(Object.fromEntries(first!)).toEqual({
      run: 'a/b',
      step: '200',
      layer: '1',
      head: '3',
      projection: 'tsne',
      perplexity: '50',
      metric: 'cosine',
      seed: '0',
      normalise: 'canonical',
      dims: '2',
      frame: '400',
      fit: 'newest',
      priority: '2',
    });
    expect(second!.get('priority')).toBe('0');
  });

  it('waits longer each time, up to two seconds', async () => {
    fetched.mockImplementation(async () => json({ state: 'computing', done: 0, total: 1 }, 202));
    const controller = new AbortController();
    const answer = new HttpSource(base).points(query, { signal: controller.signal });
    answer.catch(() => {});
    const asked = async (milliseconds: number) => {
      await vi.advanceTimersByTimeAsync(milliseconds);
      return fetched.mock.calls.length;
    };
    expect([await asked(290), await asked(20), await asked(430), await asked(30)]).toEqual([1, 2, 2, 3]);
    const before = await asked(20_000);
    expect((await asked(20_000)) - before).toBe(10);
    controller.abort();
  });

  it('reads why heads have no picture, of all heads or of the one that it asked for', async () => {
    const noted = (notes: object) => {
      const response = five();
      response.headers.set('Attnviz-Notes', JSON.stringify(notes));
      return response;
    };
    fetched
      .mockResolvedValueOnce(noted({ 2: 'Keys are not finite.' }))
      .mockResolvedValueOnce(noted({ 0: 'Too few.' }));
    const source = new HttpSource(base);
    expect([...(await source.points(query)).notes]).toEqual([[2, 'Keys are not finite.']]);
    expect([...(await source.points({ ...query, head: 7 })).notes]).toEqual([[7, 'Too few.']]);
  });

  it('posts the points that are to be projected alone, again while they are being made', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 1, total: 2 }, 202))
      .mockResolvedValueOnce(five());
    const answer = new HttpSource(base).points({
      ...query,
      head: 3,
      alone: { id: '1', points: [2, 9], of: 20 },
    });
    await vi.runAllTimersAsync();
    await answer;
    for (const [url, options] of fetched.mock.calls) {
      expect(new URL(String(url)).searchParams.has('alone')).toBe(false);
      expect(options).toMatchObject({ method: 'POST', body: '{"points":[2,9]}' });
    }
    expect(fetched.mock.calls.length).toBe(2);
  });

  it('asks how far a picture can be believed until that is known', async () => {
    const trust = { faithfulness: 0.8, motion: null };
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 0, total: 0 }, 202))
      .mockResolvedValueOnce(json(trust));
    const answer = new HttpSource(base).trust({ ...query, head: 3, previous: 100 });
    await vi.runAllTimersAsync();
    expect(await answer).toEqual(trust);
    expect(new URL(String(fetched.mock.calls[0]?.[0])).searchParams.get('previous')).toBe('100');
  });

  it('spells out the steps of runs, which come as few numbers', async () => {
    const [run, empty] = [
      { run: 'a', steps: [[0, 100, 3]], segments: [{ layers: 1, steps: [[5, 0, 1]] }] },
      { steps: [] },
    ];
    const maps = { steps: [[0, 100, 2]], kinds: ['text'] };
    fetched.mockResolvedValueOnce(
      json({
        runs: [
          { ...run, maps },
          { ...empty, segments: [] },
        ],
      }),
    );
    expect((await new HttpSource(base).runs()).runs).toEqual([
      {
        run: 'a',
        steps: [0, 100, 200],
        segments: [{ layers: 1, steps: [5] }],
        maps: { steps: [0, 100], kinds: ['text'] },
      },
      { steps: [], segments: [] },
    ]);
  });

  it('asks which steps have figures, of later ones only, and spells them out', async () => {
    fetched.mockImplementation(async () =>
      json({
        run: 'a',
        rows: 5,
        steps: [
          [0, 0, 1],
          [10, 5, 3],
          [99, 0, 1],
        ],
      }),
    );
    const source = new HttpSource(base);
    expect((await source.healthSteps('a', { from: 4, known: 'c0ffee' })).steps).toEqual([0, 10, 15, 20, 99]);
    await source.healthSteps('a', null);
    expect(fetched.mock.calls.map(([url]) => new URL(String(url)).search)).toEqual([
      '?run=a&from=4&known=c0ffee',
      '?run=a',
    ]);
  });
});
