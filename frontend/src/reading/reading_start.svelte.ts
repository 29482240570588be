import type { Images } from '../atlas/images.svelte';
import { sharpestQuery } from '../attention/sharpest';
import type { HeadNames } from '../health/head_names.svelte';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import type { RunState } from '../run/run_state.svelte';
import type { DataSource } from '../run/source';
import { isSpecial } from '../run/special';
import type { HeadEvidence } from './head_evidence.svelte';
import type { SentenceOptions } from './sentence_options.svelte';

/** Weights that are fetched at most to choose a query: of longer texts it is the first word. */
const MOST = 2 ** 20;
/** Queries at the beginning that have no choice of keys. */
const FIRST = 3;

interface Needs {
  readonly data: Pick<RunState, 'run' | 'lists' | 'layerTokens' | 'probe'> & {
    readonly source: Pick<DataSource, 'attention'>;
  };
  readonly playback: { readonly step: number | null };
  readonly names: Pick<HeadNames, 'of'>;
  readonly focus: Pick<Focus, 'opened' | 'selection' | 'large' | 'readFirst'>;
  readonly evidence: Pick<HeadEvidence, 'open'>;
  readonly sentence: Pick<SentenceOptions, 'mean'>;
  readonly images: Pick<Images, 'clearest'>;
}

/** Where one begins to read the opened head: at what shows that it is what it is called; else at the query of the first
 * text that attends most sharply, of images at the one that shows most. */
export class ReadingStart implements Feature {
  private controller = $state.raw<AbortController | null>(null);
  /** Of the newest one: it is for this one alone to select something. */
  private reads = 0;

  constructor(private readonly session: Needs) {}

  get busy(): boolean {
    return this.controller !== null;
  }

  async read(): Promise<void> {
    const { focus, names, evidence, data, images, sentence, playback } = this.session;
    const { opened } = focus;
    const { step } = playback;
    const own = ++this.reads;
    if (focus.large === 'points') focus.large = 'reading';
    if (!opened || focus.selection) return;
    if (sentence.mean || data.probe.value?.sequences[0]?.grid) {
      focus.readFirst(sentence.mean ? undefined : images.clearest());
      return;
    }
    const kind = names.of(opened)?.findings[0]?.kind;
    if (kind !== undefined) await evidence.open(opened, kind);
    const goesOn = () => own === this.reads && this.isStillOn(opened, step) && focus.selection === null;
    if (!goesOn()) return;
    const token = await this.sharpest();
    if (!goesOn()) return;
    const tokens = data.layerTokens[opened.layer];
    if (token === null || !tokens) focus.readFirst();
    else {
      const list = Math.max(0, data.lists.indexOf(tokens.queries));
      focus.selection = { sequence: 0, list, token, side: 'query' };
    }
  }

  leave(): void {
    this.reads++; // what is on its way is of what was shown
    this.stop();
  }

  private stop(): void {
    this.controller?.abort();
    this.controller = null;
  }

  private isStillOn(place: HeadPlace, step: number | null): boolean {
    const { focus, playback } = this.session;
    return playback.step === step && focus.opened?.layer === place.layer && focus.opened.head === place.head;
  }

  /** The sharpest query of the first sequence; null where it is not known. */
  private async sharpest(): Promise<number | null> {
    const { data, focus, playback } = this.session;
    const { run, lists, layerTokens, probe } = data;
    const tokens = layerTokens[focus.opened?.layer ?? -1];
    if (!run || !tokens || !focus.opened || playback.step === null) return null;
    const [queries = [], keys = []] = [tokens.queries, tokens.keys].map(
      (list) => probe.value?.lists[lists.indexOf(list)]?.sequences[0]?.tokens ?? [],
    );
    if (queries.length * keys.length > MOST) return null;
    this.stop();
    const controller = new AbortController();
    this.controller = controller;
    const query = { run: run.run, step: playback.step, ...focus.opened, sequence: 0 };
    try {
      const { data: weights } = await data.source.attention(query, controller.signal);
      return sharpestQuery(weights, {
        query: queries.map((token, at) => at < FIRST || isSpecial(token)),
        key: keys.map((token, at) => at === 0 || isSpecial(token)),
      });
    } catch {
      return null; // the view says what is wrong once it asks for the same
    } finally {
      if (this.controller === controller) this.controller = null;
    }
  }
}
