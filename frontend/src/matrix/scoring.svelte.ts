import type { Comparison } from '../compare/compare.svelte';
import type { Scale } from '../health/health';
import type { RunHealth } from '../health/run_health.svelte';
import { type HeadScore, healthScores, scaleOf } from '../health/scores';
import type { Playback } from '../playback/playback.svelte';
import type { Feature } from '../run/feature';
import { joined, type Settings } from '../run/setting';
import type { DataSource } from '../run/source';
import { Change } from './change.svelte';
import { Likeness, type Shows } from './likeness.svelte';

/** Whose scores there are. */
interface Needs {
  readonly data: { readonly source: Pick<DataSource, 'offers'> };
  readonly playback: Pick<Playback, 'step'>;
  readonly health: Pick<RunHealth, 'figures' | 'series' | 'tint'>;
  readonly search: { readonly clustering: { readonly score: HeadScore | null } };
  readonly against: Pick<Comparison, 'score' | 'difference'>;
}

/** All that heads can be arranged, filtered and marked by at the shown step. */
export class Scoring implements Feature {
  readonly change: Change;
  readonly likeness: Likeness;
  readonly settings: Settings;

  /** @param shows what shows scores, or hangs on them */
  constructor(
    private readonly session: Needs &
      ConstructorParameters<typeof Change>[0] &
      ConstructorParameters<typeof Likeness>[0],
    private readonly shows: () => Shows,
  ) {
    this.change = new Change(session);
    this.likeness = new Likeness(session, shows);
    this.settings = joined(this.change.settings, this.likeness.settings);
  }

  readonly all: readonly HeadScore[] = $derived.by(() => {
    const { playback, search, against } = this.session;
    const { figures: health } = this.session.health;
    const { source } = this.session.data;
    const figures = health && playback.step !== null ? healthScores(health, playback.step) : [];
    const change = source.offers?.comparisons === false ? null : this.change.score;
    const others = [change, this.likeness.score, search.clustering.score, against.score];
    return [...figures, ...others.filter((score) => score !== null)];
  });

  /** The same and what heads can be arranged by alone. */
  readonly arranging: readonly HeadScore[] = $derived.by(() => {
    const { together } = this.likeness;
    return together ? [...this.all, together] : this.all;
  });

  /** Those that may colour the cells: the difference already does, of the figure that is the tint. */
  readonly tints: readonly HeadScore[] = $derived.by(() =>
    this.all.filter((score) => score !== this.session.against.score),
  );
  /** The one that colours the cells, and its scale. */
  readonly tint: HeadScore | null = $derived.by(
    () => this.all.find(({ id }) => id === this.session.health.tint) ?? null,
  );
  readonly scale: Scale | null = $derived.by(
    () => this.session.health.series?.scale ?? (this.tint && scaleOf(this.tint.values)),
  );

  /** What sorts or filters the heads colours them too, until another tint is chosen; a difference gives way to that of another
   * figure alone. */
  tintBy(id: string): void {
    const { health, against } = this.session;
    const may = against.difference ? health.figures?.has(id) : this.tints.some((score) => score.id === id);
    if (may) health.tint = id;
  }

  readonly busy: boolean = $derived.by(
    () => this.change.answers.loading || this.likeness.answers.loading || this.likeness.orders.loading,
  );

  leave(): void {
    this.change.since = 'previous'; // a step of one run alone
  }

  forget(): void {
    for (const answers of [this.change.answers, this.likeness.answers, this.likeness.orders])
      answers.forget();
  }

  /** To be called while a component is made. */
  begin(): void {
    this.change.begin(() => this.shows().uses('change'));
    this.likeness.begin();
  }
}
