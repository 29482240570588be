import { describe, expect, it } from 'vitest';
import type { HeadConnections } from '../run/connections';
import { linksAt } from './links';

const FOUND: HeadConnections = {
  run: 'a',
  layer: 1,
  head: 3,
  steps: [10, 20, 30],
  fed_by: [
    {
      layer: 0,
      head: 2,
      by: 'keys',
      contributions: [0.1, 1, 3],
      shares: [0.9, 0.6, 0.7],
      since: [null, 20, 30],
    },
    {
      layer: 0,
      head: 0,
      by: 'queries',
      contributions: [2, null, 4],
      shares: [0.5, null, 0.05],
      since: [10, null, 30],
    },
  ],
  feeds: [
    { layer: 2, head: 0, by: 'keys', contributions: [0, 5, -5], shares: [0, 1, -1], since: [null, 20, null] },
  ],
};
const names = (step: number) =>
  linksAt(FOUND, step).map(({ layer, head, feeds }) => `${layer} ${head} ${feeds}`);

describe('the links of a head', () => {
  it('are those that matter at the last recorded step, the strongest first', () => {
    expect(names(9)).toEqual([]);
    expect(names(10)).toEqual(['0 0 true']);
    expect(names(25)).toEqual(['2 0 false', '0 2 true']);
    expect(names(1000)).toEqual(['0 2 true']); // one of many, and one that takes away, are none
    expect(linksAt(FOUND, 1000)[0]).toMatchObject({ contribution: 3, share: 0.7, since: 30, by: 'keys' });
  });
});
