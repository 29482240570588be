import { flushSync } from 'svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Evidence, EvidenceQuery } from '../run/findings';
import type { Large } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import type { LayerTokens, TokenAt } from '../run/lists';
import type { Run, TokenList } from '../run/types';
import { HeadEvidence } from './head_evidence.svelte';

const PLACE = { layer: 0, head: 1 };
const LIST = { of: 'tokens', grid: null } as TokenList;

function found(query: EvidenceQuery): Evidence {
  const tokens = {
    query_token: 'name',
    key_token: 'expression',
    sentence: 'name (30) → expression (12) 93 %',
  };
  return { ...query, sequence: 4, query: 30, key: 12, weight: 0.931, ...tokens };
}

function setUp(first: string | null = null) {
  let kind = $state(first);
  let opened = $state.raw<HeadPlace | null>(null);
  let selection = $state.raw<TokenAt | null>({ sequence: 0, list: 0, token: 2, side: 'query' });
  let step = $state(100);
  const motion = $state({ moving: false });
  const sentence = {
    mean: true,
    byValues: true,
    hidden: ['first' as const],
    shows: 'pinned' as const,
  };
  const answers: ((evidence: Evidence | null) => void)[] = [];
  const asked: EvidenceQuery[] = [];
  const session = {
    data: {
      run: { run: 'a' } as Run,
      lists: [LIST],
      layerTokens: [{ queries: LIST, keys: LIST } as LayerTokens],
      source: {
        evidence: (query: EvidenceQuery) => {
          asked.push(query);
          return new Promise<Evidence | null>((resolve) => answers.push(resolve));
        },
      },
    },
    playback: {
      get step() {
        return step;
      },
      get moving() {
        return motion.moving;
      },
    },
    names: { of: () => ({ findings: kind === null ? [] : [{ kind }] }) as never },
    focus: {
      large: 'points' as Large,
      get opened() {
        return opened;
      },
      get selection() {
        return selection;
      },
      set selection(to) {
        selection = to;
      },
      open: (place: HeadPlace) => {
        opened = place;
      },
    },
    health: { asked: null as string | null },
    sentence: { ...sentence, bringBack: () => {} },
  };
  const goTo = (to: number) => {
    step = to;
  };
  const call = (name: string) => {
    kind = name;
  };
  return { session, evidence: new HeadEvidence(session), answers, asked, goTo, call, motion };
}

describe('the evidence of a finding', () => {
  let made: ReturnType<typeof setUp>;
  beforeEach(() => {
    made = setUp();
  });

  it('is selected once it is known, and nothing is until then', async () => {
    const { session, evidence, answers, asked } = made;
    const opening = evidence.open(PLACE, 'induction');
    expect(asked).toEqual([{ run: 'a', step: 100, layer: 0, head: 1, kind: 'induction' }]);
    expect([session.focus.opened, session.focus.selection]).toEqual([PLACE, null]);
    expect(evidence.says).toMatch(/^Looking/);
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await opening;
    expect(session.focus.selection).toEqual({ sequence: 4, list: 0, token: 30, side: 'query' });
    expect(evidence.says).toBe('name (30) → expression (12) 93 %');
    const { mean, byValues, hidden, shows } = session.sentence;
    expect([mean, byValues, hidden, shows, session.focus.large]).toEqual([
      false,
      false,
      [],
      'shown',
      'reading',
    ]);
  });

  it('is asked for again, and not told meanwhile, where its step was written again', async () => {
    const { evidence, answers, asked } = made;
    const opening = evidence.open(PLACE, 'induction');
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await opening;
    evidence.forget();
    expect([asked[1], evidence.shown, evidence.says]).toEqual([asked[0], null, '']);
    answers[1]?.({ ...found(asked[0] as EvidenceQuery), sentence: 'name (30) → statement (9) 88 %' });
    await new Promise((done) => setTimeout(done));
    expect(evidence.says).toBe('name (30) → statement (9) 88 %');
  });

  it.each([
    ['another head was opened', (of: typeof made) => of.session.focus.open({ layer: 0, head: 0 })],
    ['another step is shown', (of: typeof made) => of.goTo(200)],
    [
      'a token was selected',
      (of: typeof made) => {
        of.session.focus.selection = { sequence: 1, list: 0, token: 3, side: 'key' };
      },
    ],
  ])('selects nothing when it comes after %s', async (_, meanwhile) => {
    const { session, evidence, answers, asked } = made;
    const opening = evidence.open(PLACE, 'induction');
    meanwhile(made);
    const before = session.focus.selection;
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await opening;
    expect(session.focus.selection).toEqual(before);
    expect([evidence.says, evidence.shown]).toEqual(['', null]);
  });

  it('is in the address while its query is selected, and told again when a link is opened', async () => {
    const { session, evidence, answers, asked } = made;
    expect(evidence.link).toEqual({});
    const opening = evidence.open(PLACE, 'induction');
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await opening;
    expect(evidence.link).toEqual({ evidence: 'induction' });
    const linked = setUp();
    linked.session.focus.open(PLACE);
    linked.session.sentence.mean = false;
    linked.session.focus.selection = session.focus.selection;
    linked.evidence.enter(new Map([['evidence', 'induction']]));
    expect(linked.evidence.link).toEqual({ evidence: 'induction' });
    const end = $effect.root(() => linked.evidence.begin());
    flushSync();
    expect(linked.asked).toEqual(asked);
    linked.answers[0]?.(found(linked.asked[0] as EvidenceQuery));
    await vi.waitFor(() => expect(linked.evidence.says).toBe('name (30) → expression (12) 93 %'));
    expect(linked.session.focus.selection).toEqual(session.focus.selection);
    session.focus.selection = null;
    expect(evidence.link).toEqual({});
    linked.evidence.enter(new Map([['evidence', 'follows “it’s”: é → ü']])); // a relation may be called anything
    expect(linked.evidence.link).toEqual({ evidence: 'follows “it’s”: é → ü' });
    linked.evidence.enter(new Map([['evidence', '<b>']]));
    linked.session.focus.selection = null;
    expect(linked.evidence.link).toEqual({});
    end();
  });

  it('is told to be missing where no query shows it', async () => {
    const { session, evidence, answers } = made;
    const opening = evidence.open(PLACE, 'induction');
    answers[0]?.(null);
    await opening;
    expect(session.focus.selection).toBeNull();
    expect(evidence.says).toMatch(/^No query/);
  });

  it('is offered for what the opened head is called, once nothing moves, and selects nothing', async () => {
    const { session, evidence, answers, asked, goTo, motion } = setUp('induction');
    const end = $effect.root(() => evidence.begin());
    session.focus.selection = null;
    motion.moving = true;
    session.focus.open(PLACE);
    flushSync();
    expect([asked, evidence.says]).toEqual([[], '']);
    motion.moving = false;
    flushSync();
    expect(asked).toEqual([{ run: 'a', step: 100, layer: 0, head: 1, kind: 'induction' }]);
    expect(evidence.says).toBe(''); // nobody waits for it
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await vi.waitFor(() => expect(evidence.offered?.query).toBe(30));
    expect([evidence.says, session.focus.selection]).toEqual(['name (30) → expression (12) 93 %', null]);
    goTo(200);
    expect([evidence.says, evidence.offered]).toEqual(['', null]);
    flushSync();
    answers[1]?.(null);
    await vi.waitFor(() => expect(evidence.busy).toBe(false));
    expect([asked.length, evidence.says]).toEqual([2, '']);
    end();
  });

  it('is offered anew once the head is called otherwise at the same step', async () => {
    const { session, evidence, answers, asked, call } = setUp('broad');
    const end = $effect.root(() => evidence.begin());
    session.focus.selection = null;
    session.focus.open(PLACE);
    flushSync();
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await vi.waitFor(() => expect(evidence.offered?.query).toBe(30));
    call('induction');
    flushSync();
    expect([asked.map(({ kind }) => kind), evidence.offered]).toEqual([['broad', 'induction'], null]);
    end();
  });

  it('that is opened by hand is not replaced by what is offered', async () => {
    const { evidence, asked } = setUp('local');
    const end = $effect.root(() => evidence.begin());
    void evidence.open(PLACE, 'induction');
    flushSync();
    expect(asked.map(({ kind }) => kind)).toEqual(['induction']);
    end();
  });

  it('is waited for no more once a chart is shown instead', async () => {
    const { evidence, answers, asked } = made;
    const opening = evidence.open(PLACE, 'induction');
    expect(evidence.busy).toBe(true);
    await evidence.open(PLACE, 'prunable');
    expect([evidence.busy, evidence.says]).toEqual([false, '']);
    answers[0]?.(found(asked[0] as EvidenceQuery));
    await opening;
    expect(evidence.shown).toBeNull();
  });

  it('that a link means is not asked of another run', () => {
    const { evidence } = made;
    evidence.enter(new Map([['evidence', 'induction']]));
    evidence.leave();
    expect(evidence.link).toEqual({});
  });

  it('is a chart where no query shows it', async () => {
    const { session, evidence, asked } = setUp();
    await evidence.open(PLACE, 'prunable');
    expect(session.focus.opened).toEqual(PLACE);
    expect(session.health.asked).toBe('importance_exact');
    expect([asked, evidence.says, evidence.busy]).toEqual([[], '', false]);
  });
});
