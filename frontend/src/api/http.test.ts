import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpSource } from './http';
import type { PointsQuery } from './types';

const base = new URL('http://localhost:6006/prefix/data/plugin/attnviz/');
const query: PointsQuery = { run: 'a/b', step: 200, layer: 1, projection: 'biplot', dims: 2, frame: 400 };
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
    expect(String(fetched.mock.calls[0]?.[0])).toBe('http://localhost:6006/prefix/data/plugin/attnviz/runs');
  });

  it('asks again while a frame is being fitted, tells the progress, and then gives the points', async () => {
    fetched
      .mockResolvedValueOnce(json({ state: 'computing', done: 3, total: 16 }, 202))
      .mockResolvedValueOnce(json({ state: 'computing', done: 9, total: 16 }, 202))
      .mockResolvedValueOnce(five());
    const heard: number[] = [];
    const answer = new HttpSource(base).points(query, undefined, ({ done }) => heard.push(done));
    await vi.runAllTimersAsync();
    expect([...(await answer).data]).toEqual([5]);
    expect(heard).toEqual([3, 9]);
    const url = new URL(String(fetched.mock.calls[0]?.[0]));
    expect(Object.fromEntries(url.searchParams)).toEqual({
      run: 'a/b',
      step: '200',
      layer: '1',
      projection: 'biplot',
      dims: '2',
      frame: '400',
    });
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
    const answer = new HttpSource(base).points(query, controller.signal);
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
    expect(await new HttpSource(base).scalars('a/b', 'loss')).toEqual([{ step: 0, value: Number.NaN }]);
    fetched.mockResolvedValueOnce(new Response('Not found', { status: 404 }));
    expect(await new HttpSource(base).scalarTags('a/b')).toEqual([]);
  });

  it('has a sentence of its own when the server has none', async () => {
    fetched.mockResolvedValueOnce(new Response('<html>', { status: 502 }));
    await expect(new HttpSource(base).health('a')).rejects.toThrow('The server answered 502 to “health”.');
    fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
    await expect(new HttpSource(base).runs()).rejects.toThrow('TensorBoard does not answer');
  });
});
