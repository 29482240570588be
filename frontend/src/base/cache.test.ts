import { expect, it } from 'vitest';
import { ArrayCache } from './cache';

const array = (length: number) => new Float32Array(length);

it('drops what was used longest ago when the bytes run out', () => {
  const cache = new ArrayCache(4 * 10);
  cache.set('a', array(4));
  cache.set('b', array(4));
  cache.get('a');
  cache.set('c', array(4));
  expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([true, false, true]);
  expect(cache.size).toBe(32);
});

it('keeps one array even if that alone is too large', () => {
  const cache = new ArrayCache(8);
  cache.set('small', array(1));
  cache.set('large', array(100));
  expect([cache.has('small'), cache.has('large')]).toEqual([false, true]);
});

it('counts a replaced array once', () => {
  const cache = new ArrayCache(1000);
  cache.set('a', array(4));
  cache.set('a', array(8));
  expect(cache.size).toBe(32);
});
