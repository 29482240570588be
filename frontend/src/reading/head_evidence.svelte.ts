import { untrack } from 'svelte';
import type { HeadNames } from '../health/head_names.svelte';
import type { Playback } from '../playback/playback.svelte';
import type { Feature } from '../run/feature';
import type { Evidence, EvidenceQuery } from '../run/findings';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { Latest } from '../run/latest.svelte';
import type { RunState } from '../run/run_state.svelte';
import type { Link, Said } from '../run/setting';
import type { DataSource } from '../run/source';
import type { SentenceOptions } from './sentence_options.svelte';

/** Kinds that no query shows, by the figure that does: its chart comes first; null where none does. */
const CHARTED: Readonly<Record<string, string | null>> = { prunable: 'importance_exact', dead: null };

/** Where the sentence of a head of a kind leads; null: nowhere. */
export function leadsTo(kind: string): string | null {
  const charted = CHARTED[kind];
  if (charted === undefined) return 'the query that shows it best';
  return charted && 'what it cost over the steps';
}

/** What a kind may be called. */
const KIND = /^\w[^\p{Cc}]{0,99}$/u;

interface Needs {
  readonly data: Pick<RunState, 'run' | 'lists' | 'layerTokens'> & {
    readonly source: Pick<DataSource, 'evidence'>;
  };
  readonly playback: Pick<Playback, 'step' | 'moving'>;
  readonly names: Pick<HeadNames, 'of'>;
  readonly health: { asked: string | null };
  readonly focus: Pick<Focus, 'opened' | 'selection' | 'large' | 'open'>;
  readonly sentence: Pick<SentenceOptions, 'mean' | 'byValues' | 'hidden' | 'shows'> & {
    bringBack(): void;
  };
}

/** What shows best that the opened head is of a kind: a sequence and a query of it, which are selected once they are known. */
export class HeadEvidence implements Feature {
  private readonly answer = new Latest<Evidence | null>();
  private asked = $state.raw<EvidenceQuery | null>(null);
  /** Whether that was by hand, and not only to be offered. */
  private byHand = false;
  /** The kind that a link says, until its evidence is asked for. */
  private meant = $state.raw<string | null>(null);

  constructor(private readonly session: Needs) {}

  /** Whether what was asked for is of what is shown. */
  private readonly current: boolean = $derived.by(() => {
    const { asked, session } = this;
    const { opened } = session.focus;
    return (
      asked !== null &&
      asked.run === session.data.run?.run &&
      asked.step === session.playback.step &&
      asked.layer === opened?.layer &&
      asked.head === opened.head
    );
  });

  /** The evidence whose query is selected; null where something else is. */
  readonly shown: Evidence | null = $derived.by(() => {
    const { selection } = this.session.focus;
    const { value } = this.answer;
    const of = value && this.current && selection?.side === 'query' && !this.session.sentence.mean;
    return of && selection.sequence === value.sequence && selection.token === value.query ? value : null;
  });

  /** The same while nothing is selected: where one may begin to read. */
  readonly offered: Evidence | null = $derived.by(() =>
    this.current && this.session.focus.selection === null ? this.answer.value : null,
  );

  /** What is told of it; '' where nothing was asked of this head at this step. */
  readonly says: string = $derived.by(() => {
    const { asked, answer, offered, session } = this;
    const found = this.shown ?? offered;
    if (found) return found.step === asked?.step ? found.sentence : `${found.sentence} at step ${found.step}`;
    if (!this.current || session.focus.selection !== null || !this.byHand) return '';
    if (answer.error !== null) return answer.error;
    if (answer.loading) return 'Looking for the query that shows it best…';
    return 'No query that was recorded shows it';
  });

  /** Opens a head, and then what shows that it is of a kind. Nothing is selected until that is known. */
  async open(place: HeadPlace, kind: string): Promise<void> {
    const { focus, data, playback } = this.session;
    focus.selection = null;
    focus.open(place);
    const charted = CHARTED[kind];
    if (charted !== undefined) {
      this.asked = null;
      this.answer.clear();
      this.session.health.asked = charted;
      return;
    }
    if (!data.run || playback.step === null) return;
    const asked = { run: data.run.run, step: playback.step, layer: place.layer, head: place.head, kind };
    await this.ask(asked, true);
    if (this.asked === asked && this.current && focus.selection === null) this.select(this.answer.value);
  }

  get busy(): boolean {
    return this.answer.loading;
  }

  /** A link that selects the query of an evidence says of which kind it is: its sentence is asked for again. */
  enter(link: Link): void {
    const kind = link.get('evidence');
    this.meant = kind && KIND.test(kind) ? kind : null;
  }

  get link(): Said {
    const kind = this.meant ?? (this.shown && this.asked?.kind);
    return kind ? { evidence: kind } : {};
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { meant, session } = this;
      const { opened, selection } = session.focus;
      const { step } = session.playback;
      const { run } = session.data;
      if (meant === null || !run || step === null) return;
      untrack(() => {
        this.meant = null;
        if (opened && selection) void this.ask({ run: run.run, step, ...opened, kind: meant }, true);
      });
    });
    $effect.pre(() => this.offer());
  }

  /** Of the opened head's first kind, before anybody asks. */
  private offer(): void {
    const { data, focus, names, playback } = this.session;
    const { opened, selection } = focus;
    const { step, moving } = playback;
    const kind = opened && names.of(opened)?.findings[0]?.kind;
    if (!data.run || !opened || step === null || moving || selection || !kind || CHARTED[kind] !== undefined)
      return;
    const asked = { run: data.run.run, step, ...opened, kind };
    untrack(() => {
      const isOther = !this.byHand && this.asked?.kind !== kind; // it is called otherwise by now
      if (!this.current || isOther || this.answer.error !== null) void this.ask(asked, false);
    });
  }

  private async ask(asked: EvidenceQuery, byHand: boolean): Promise<void> {
    this.asked = asked;
    this.byHand = byHand;
    this.answer.clear();
    await this.answer.load((signal) => this.session.data.source.evidence(asked, { signal }));
  }

  forget(): void {
    if (this.asked) void this.ask(this.asked, this.byHand);
  }

  leave(): void {
    this.asked = null;
    this.meant = null;
    this.answer.clear();
  }

  /** The weights that are then read are those of the evidence: of this sequence, as they are. */
  private select(found: Evidence | null): void {
    const { focus, sentence, data } = this.session;
    const tokens = found && data.layerTokens[found.layer];
    if (!found || !tokens) return;
    sentence.mean = false;
    sentence.byValues = false;
    sentence.hidden = [];
    sentence.shows = 'shown';
    focus.large = 'reading';
    sentence.bringBack();
    const list = Math.max(0, data.lists.indexOf(tokens.queries));
    focus.selection = { sequence: found.sequence, list, token: found.query, side: 'query' };
  }
}
