import { expect, it } from 'vitest';
import { Cache } from './cache';

const array = (length: number) => new Float32Array(length);
const cacheOf = (bytes: number) => new Cache<Float32Array>(bytes, ({ byteLength }) => byteLength);

it('drops what was used longest ago when the bytes run out', () => {
  const cache = cacheOf(4 * 10);
  cache.set('a', array(4));
  cache.set('b', array(4));
  cache.get('a');
  cache.set('c', array(4));
  expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([true, false, true]);
  expect(cache.size).toBe(32);
});

it('keeps one array even if that alone is too large', () => {
  const cache = cacheOf(8);
  cache.set('small', array(1));
  cache.set('large', array(100));
  expect([cache.has('small'), cache.has('large')]).toEqual([false, true]);
});

it('counts a replaced array once', () => {
  const cache = cacheOf(1000);
  cache.set('a', array(4));
  cache.set('a', array(8));
  expect(cache.size).toBe(32);
});
