import { describe, expect, it } from 'vitest';
import type { Finding, NamedHead } from '../run/findings';
import { lostKinds } from './lost';

const was = (title: string, since: number, until: number | null, trouble = false): Finding => ({
  ...{ kind: title, title, since, until, figure: title, value: 0.5, at: since, sentence: '' },
  ...{ when: '', amount: '50 %' },
  ...{ offset: null, partner: null, trouble, needs_samples: false },
});
const named = (head: number, ...lost: Finding[]): NamedHead => ({
  ...{ layer: 0, head, title: null, also: [], sentence: '', unhealthy: null, why: [], findings: [], lost },
});

describe('what heads were and are no more', () => {
  it('has what is lost at the shown step first, then what lasted longest', () => {
    const heads = [
      named(0, was('local', 0, 100)),
      named(1, was('first token', 100, 150), was('itself', 180, 200)),
      named(2, was('induction', 50, 180)),
    ];
    expect(lostKinds({ heads, step: 200 }).map(({ head, title }) => [head, title])).toEqual([
      [1, 'itself'],
      [2, 'induction'],
      [0, 'local'],
      [1, 'first token'],
    ]);
  });

  it('has heads that have no name now before those that are something else', () => {
    const heads = [
      { ...named(0, was('local', 0, 200)), title: 'previous token' },
      named(1, was('first token', 50, 100)),
    ];
    expect(lostKinds({ heads, step: 200 }).map(({ title }) => title)).toEqual(['first token', 'local']);
  });

  it('counts no head as a loss that is no longer dead', () => {
    expect(lostKinds({ heads: [named(0, was('dead', 0, 100, true))], step: 100 })).toEqual([]);
    expect(lostKinds({ heads: [], step: 100 })).toEqual([]);
  });
});
