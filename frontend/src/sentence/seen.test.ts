import { describe, expect, it } from 'vitest';
import { scrollTo } from './seen';

describe('the rows that are seen of a key and its query', () => {
  it.each([
    { key: 12, query: 15, room: 8, first: 10, why: 'both in the middle' },
    { key: 15, query: 12, room: 8, first: 10, why: 'whichever comes first' },
    { key: 1, query: 2, room: 8, first: 0, why: 'no row before the first' },
    { key: 12, query: 30, room: 8, first: 12, why: 'the key above its query is the first row' },
    { key: 30, query: 12, room: 8, first: 23, why: 'the key below it is the last' },
    { key: 10, query: 17, room: 8, first: 10, why: 'as far apart as there is room' },
  ])('$why', ({ key, query, room, first }) => {
    expect(scrollTo(key, query, room)).toBe(first);
  });
});
