import { describe, expect, it } from 'vitest';
import { callsOf } from './calls';

describe('what a cell calls a head', () => {
  it('has both of two kinds first, then counts what it leaves out', () => {
    expect(callsOf({ title: 'previous token', also: ['local'], why: [], findings: [] })).toEqual([
      'previous token · local',
      'previous token, 1 more',
      'previous, 1 more',
      'previous token',
      'previous',
    ]);
  });

  it('has any two of three before one alone', () => {
    const calls = callsOf({
      title: 'induction',
      also: ['fed by L0 H1 (previous token)', 'local'],
      why: [],
      findings: [],
    });
    expect(calls.slice(0, 4)).toEqual([
      'induction · fed by L0 H1 (previous token) · local',
      'induction · fed by L0 H1 (previous token), 1 more',
      'induction · local, 1 more',
      'induction, 2 more',
    ]);
  });

  it('says that the map is of repeated texts, where there is room', () => {
    expect(callsOf({ title: 'induction', also: ['local'], why: [], findings: [] }, true).slice(0, 4)).toEqual(
      [
        'induction · local · on repeats',
        'induction, 1 more · on repeats',
        'induction · on repeats',
        'induction · local',
      ],
    );
    expect(callsOf({ title: 'induction', also: [], why: [], findings: [] }, true)).toEqual([
      'induction · on repeats',
      'induction',
    ]);
  });

  it('begins with what is wrong', () => {
    const calls = callsOf({ title: 'local', also: [], why: ['largest logit 756, above 100'], findings: [] });
    expect(calls).toEqual(['unhealthy · local', 'unhealthy, 1 more', 'unhealthy']);
    const collapsed = { title: 'collapsed', trouble: true };
    expect(
      callsOf({ title: 'collapsed', also: [], why: ['entropy 0.4 %, below 5 %'], findings: [collapsed] }),
    ).toEqual(['collapsed']);
    expect(callsOf({ title: null, also: [], why: ['largest logit 756, above 100'], findings: [] })).toEqual([
      'unhealthy',
    ]);
  });

  it('is shortened only where it is the same word still', () => {
    const shortest = (title: string) => callsOf({ title, also: [], why: [], findings: [] }).at(-1);
    expect(['first token', '11 tokens back', 'special tokens'].map(shortest)).toEqual([
      'first',
      '11 back',
      'special',
    ]);
    const whole = ['same token', 'fixed distance or same token', 'fed by L0 H1 (previous token)'];
    expect(whole.map(shortest)).toEqual(whole);
  });

  it('is nothing where it is of no kind', () => {
    expect(callsOf(null)).toEqual([]);
    const collapsed = { title: 'collapsed', trouble: true };
    expect(
      callsOf({ title: 'collapsed', also: [], why: ['entropy 0.4 %, below 5 %'], findings: [collapsed] }),
    ).toEqual(['collapsed']);
    expect(callsOf({ title: null, also: [], why: [], findings: [] }, true)).toEqual([]);
  });
});
