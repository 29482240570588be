import { HIT_HUES } from '../render/hits';
import type { Rgb } from '../render/picture';
import type { Feature } from '../run/feature';
import type { TokenIndex } from '../run/places';
import { choice, codec, type Settings, settings, word } from '../run/setting';
import type { Run } from '../run/types';
import { type PairPlan, planPairs } from './clusteredness';
import { Clustering, type ClusteringNeeds } from './clustering.svelte';
import { findHits, type Hits, type Kinds, pointsOf, type Sizes, vocabulary, type Word } from './hits';
import { parseSearch, type Search, withoutTerm } from './search';
import type { TokenFilter } from './token_filter.svelte';

interface Needs extends ClusteringNeeds {
  readonly data: {
    readonly run: Pick<Run, 'queries' | 'keys'> | null;
    readonly probe: { readonly value: TokenIndex | null };
  };
  readonly filter: Pick<TokenFilter, 'shown' | 'parts'>;
  readonly theme: { readonly dark: boolean };
}

/** A term as the legend shows it. */
interface FoundTerm {
  readonly source: string;
  readonly count: number;
  readonly hue: Rgb;
}

const KINDS: readonly Kinds[] = ['both', 'queries', 'keys'];

/** What is looked for among the probe's tokens, and what was found. */
export class TokenSearch implements Feature {
  text = $state('');
  matchCase = $state(false);
  kinds = $state<Kinds>('both');
  readonly settings: Settings = settings<TokenSearch>(this, {
    text: codec<string>(
      (said) => said,
      (typed) => typed.trim(),
    ).as('find'),
    kinds: choice(KINDS).as('find_in'),
    matchCase: word('1', true).as('find_case'),
  });
  readonly clustering: Clustering;

  constructor(private readonly session: Needs) {
    this.clustering = new Clustering(
      session,
      () => this.plans,
      () => this.asked,
    );
  }

  readonly parsed: Search = $derived.by(() => parseSearch(this.text, this.matchCase));
  readonly words: readonly Word[] = $derived.by(() => {
    const probe = this.session.data.probe.value;
    return probe ? vocabulary(probe) : [];
  });
  readonly hits: Hits | null = $derived.by(() => {
    const { filter } = this.session;
    const { probe } = this.session.data;
    const { terms } = this.parsed;
    return probe.value && terms.length > 0 ? findHits(probe.value, terms, filter.shown) : null;
  });

  /** Numbers of a head's points that were found. */
  readonly points: readonly number[] = $derived.by(() => {
    const { hits, kinds, sizes } = this;
    if (!hits) return [];
    return pointsOf(
      [...hits.termOf.keys()].filter((token) => hits.termOf[token]),
      kinds,
      sizes,
    );
  });

  /** Per point the number of the term that found it, from 1; 0: none. [queries + keys] */
  readonly termOf: Uint8Array = $derived.by(() => {
    const { hits, points, sizes } = this;
    const terms = new Uint8Array(sizes.queries + sizes.keys);
    for (const point of points) {
      terms[point] = hits?.termOf[point < sizes.queries ? point : point - sizes.queries] ?? 0;
    }
    return terms;
  });

  readonly terms: readonly FoundTerm[] = $derived.by(() => {
    const { hits, hues } = this;
    return this.parsed.terms.map(({ source }, i) => ({
      source,
      count: hits?.byTerm[i]?.length ?? 0,
      hue: hues[i] ?? [0, 0, 0],
    }));
  });
  readonly hues: readonly Rgb[] = $derived.by(() => HIT_HUES[this.session.theme.dark ? 'dark' : 'light']);
  /** Whether there is anything to light. */
  readonly found: boolean = $derived(this.points.length > 0);

  private readonly sizes: Sizes = $derived.by(() => {
    const { queries = 0, keys = 0 } = this.session.data.run ?? {};
    return { queries, keys };
  });
  private readonly plans: readonly PairPlan[] = $derived.by(() => {
    const { hits, kinds, sizes } = this;
    return hits ? planPairs(hits, kinds, sizes, this.session.filter.shown) : [];
  });

  private readonly asked: string = $derived.by(() => {
    const { parsed, matchCase, kinds } = this;
    const only = this.session.filter.parts.map(({ says }) => says);
    return JSON.stringify([parsed.terms.map(({ source }) => source), matchCase, kinds, only]);
  });

  /** To be called while a component is made. */
  begin(): void {
    this.clustering.begin();
  }

  remove(source: string): void {
    this.text = withoutTerm(this.text, source);
  }

  clear(): void {
    this.text = '';
  }
}
