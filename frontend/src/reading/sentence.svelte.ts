import type { Side, TokenPlace } from '../attention/side';
import { difference, type Gone, strongest, without } from '../attention/weights';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { headLabel } from '../run/labels';
import { Latest } from '../run/latest.svelte';
import { type TokenIndex, tokenText } from '../run/places';
import type { RunState } from '../run/run_state.svelte';
import type { Link, Said } from '../run/setting';
import type { DataSource } from '../run/source';
import { isSpecial } from '../run/special';
import type { AttentionQuery, Run } from '../run/types';
import { type Attention, fetchedAttention } from './attention';
import { type ListedToken, listedTokens } from './listed_tokens';
import type { Panel } from './panel';
import { type Pin, pinId, pinTitle } from './pins';
import { SentenceOptions } from './sentence_options.svelte';
import { type PinNeeds, Pins } from './sentence_pins.svelte';

/** The tokens of one side of the picture. */
export interface SideTokens {
  /** Number of the list that they are in: of both sides the same one, but in layers between two. */
  readonly list: number;
  /** What these are called; empty where all layers have the same. */
  readonly title: string;
  /** As the tokenizer writes them. */
  readonly raw: readonly string[];
  readonly tokens: readonly string[];
  /** Which are left out. */
  readonly gone: readonly boolean[];
}

/** Of what attention is read: the run, the opened head, the selected token, the shown step. */
interface Needs extends PinNeeds {
  readonly data: Pick<RunState, 'run' | 'layers' | 'lists' | 'layerTokens' | 'listTitles'> & {
    readonly probe: { readonly value: TokenIndex | null };
    readonly source: Pick<DataSource, 'attention'>;
  };
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
}

/** What the sentence view shows of the attention, and what it is held against. */
export class Sentence extends SentenceOptions implements Feature {
  /** Of the opened head, at the shown step. */
  readonly attention = new Latest<Attention>();
  readonly pins: Pins;
  private left = $state.raw<{ readonly of: number | 'mean'; readonly tokens: readonly ListedToken[] }>({
    of: 0,
    tokens: [],
  });

  constructor(
    private readonly session: Needs,
    /** The row or column that is enough for what is drawn; null: the whole matrix is. */
    private readonly part: () => TokenPlace | null,
  ) {
    super(() => session.focus.selection !== null);
    this.pins = new Pins(session);
  }

  /** What is asked of the server: a sequence's number, or the mean. */
  readonly sequence: number | 'mean' | null = $derived.by(() =>
    this.mean ? 'mean' : (this.session.focus.selection?.sequence ?? null),
  );
  /** Whether the opened head’s layer has norms of values to weigh by. */
  readonly hasValues: boolean = $derived.by(() => {
    const { opened } = this.session.focus;
    const { layers } = this.session.data;
    return opened !== null && (layers[opened.layer]?.values ?? false);
  });
  /** What is asked of the server beside the place. */
  readonly weighing: Pick<AttentionQuery, 'weight'> = $derived(
    this.byValues && this.hasValues ? { weight: 'values' } : {},
  );
  /** The same, and what of the matrix is enough. */
  readonly asking: Pick<AttentionQuery, 'weight' | 'query' | 'key'> = $derived.by(() => {
    const part = this.part();
    return part ? { ...this.weighing, [part.side]: part.token } : this.weighing;
  });
  /** The opened head's queries, which stand on the left, and its keys. */
  readonly sides: Readonly<Record<Side, SideTokens>> = $derived.by(() => {
    const { query, key } = this.listsOf(this.session.focus.opened?.layer);
    const queries = this.side(query);
    return { query: queries, key: key === query ? queries : this.side(key) };
  });
  /** Which tokens are left out, on both. */
  private readonly gone: Gone = $derived({ query: this.sides.query.gone, key: this.sides.key.gone });
  /** Where the selection stands; null where nothing is selected. */
  readonly selected: TokenPlace | null = $derived.by(() => {
    const { selection } = this.session.focus;
    const place = this.mean ? (this.position ?? selection) : selection;
    const last = place ? this.sides[place.side].tokens.length - 1 : 0;
    return place && { side: place.side, token: Math.min(place.token, Math.max(0, last)) };
  });
  /** Tokens that the user has clicked off in what is shown. */
  readonly off: readonly ListedToken[] = $derived(this.left.of === this.sequence ? this.left.tokens : []);

  /** A layer's tokens on each side, as the tokenizer writes them. */
  rawOf(layer: number): Readonly<Record<Side, readonly string[]>> {
    const { query, key } = this.listsOf(layer);
    return { query: this.tokensIn(query), key: this.tokensIn(key) };
  }

  readonly shown: Panel = $derived.by(() => {
    const { playback } = this.session;
    const { opened } = this.session.focus;
    const { layers } = this.session.data;
    const head = opened ? headLabel(layers, opened.layer, opened.head) : '';
    const title = `${head} · step ${(playback.step ?? 0).toLocaleString('en-US')}`;
    return this.panel('shown', title, this.attention.value);
  });
  private readonly pinnedPanels: readonly Panel[] = $derived.by(() =>
    this.pins.ones.map(({ pin, attention }) => {
      const title = pinTitle(pin, this.session.data.run);
      return this.isComparable(pin)
        ? this.panel(pinId(pin), title, attention.value)
        : this.panel(pinId(pin), `${title} attends among other tokens`, null);
    }),
  );
  private readonly againstPanel: Panel | null = $derived.by(() => {
    const { against } = this.pins;
    if (!against || !this.isComparable(against)) return null;
    return this.pinnedPanels.find(({ id }) => id === pinId(against)) ?? null;
  });
  private readonly differencePanel: Panel | null = $derived.by(() => {
    const other = this.againstPanel;
    if (!other) return null;
    const { shown } = this;
    const ofBoth = (a?: Float32Array | null, b?: Float32Array | null) => (a && b ? difference(a, b) : null);
    const of = shown.part?.of;
    const same = of?.side === other.part?.of.side && of?.token === other.part?.of.token;
    const part = same ? ofBoth(shown.part?.weights, other.part?.weights) : null;
    return {
      ...this.drawn(ofBoth(shown.weights, other.weights)),
      id: 'difference',
      title: `shown − ${other.title}`,
      part: of && part ? { of, weights: part } : null,
      signed: true,
    };
  });
  /** All that is compared, side by side. */
  readonly panels: readonly Panel[] = $derived([
    this.shown,
    ...this.pinnedPanels,
    ...(this.differencePanel ? [this.differencePanel] : []),
  ]);
  /** The one that the lines draw. */
  readonly pictured: Panel = $derived(
    { shown: null, pinned: this.againstPanel, difference: this.differencePanel }[this.shows] ?? this.shown,
  );

  /** What a side is called: which tokens these are, where the other side's are others. */
  heading(side: Side): string {
    const { query, key } = this.sides;
    const { title } = this.sides[side];
    const name = side === 'query' ? 'queries' : 'keys';
    return title && query.list !== key.list ? `${name}: ${title}` : name;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { run, source, probe } = this.session.data;
      const { opened, selection } = this.session.focus;
      const { step } = this.session.playback;
      const { sequence, asking } = this;
      if (!run || run.error !== null || !opened || !selection || step === null) {
        this.attention.clear();
        return;
      }
      // How large the matrix is, the probe says: of a very large one only a part is asked for.
      if (sequence === null || probe.value === null) return;
      const query = { run: run.run, step, ...opened, sequence, ...asking };
      void this.attention.load((signal) => fetchedAttention(source, query, signal));
    });
    $effect.pre(() => {
      const { run } = this.session.data;
      const { selection } = this.session.focus;
      const { sequence } = this;
      if (!run || run.error !== null || !selection || this.session.data.probe.value === null) return;
      if (sequence === null) return;
      this.pins.follow({ run: run.run, sequence, ...this.asking });
    });
  }

  select({ side, token }: TokenPlace): void {
    const { session } = this;
    if (this.mean) this.position = { side, token };
    else if (session.focus.selection) {
      session.focus.selection = { ...session.focus.selection, list: this.sides[side].list, side, token };
    }
  }

  /** Leaves a token out, or brings it back; where queries and keys are of the same tokens, on both sides. */
  toggle({ side, token }: TokenPlace): void {
    const { off, sequence } = this;
    if (sequence === null) return;
    const { list } = this.sides[side];
    const others = off.filter((other) => other.list !== list || other.token !== token);
    this.left = { of: sequence, tokens: others.length < off.length ? others : [...off, { list, token }] };
  }

  isOff({ side, token }: TokenPlace): boolean {
    const { list } = this.sides[side];
    return this.off.some((other) => other.list === list && other.token === token);
  }

  bringBack(): void {
    this.left = { of: 0, tokens: [] };
  }

  get busy(): boolean {
    return this.attention.loading || this.pins.loading;
  }

  enter(link: Link, run: Run): void {
    this.pins.settings.enter(link, run);
    this.left = { of: this.sequence ?? 0, tokens: listedTokens.read(link.get('off') ?? '', run) ?? [] };
  }

  get link(): Said {
    if (this.session.focus.selection === null) return {};
    return {
      ...this.pins.settings.said,
      ...(this.off.length > 0 && { off: listedTokens.write(this.off) ?? '' }),
    };
  }

  leave(): void {
    this.attention.clear();
  }

  /** An answer as weights; it is kept while the next one loads, but one of another size is not of this sentence. */
  private readable(
    answer: Attention | null,
  ): { readonly of: TokenPlace | null; readonly weights: Float32Array } | null {
    const { query, key } = this.gone;
    const of = answer?.of ?? null;
    const rows = of?.side === 'query' ? query.slice(of.token, of.token + 1) : query;
    const columns = of?.side === 'key' ? key.slice(of.token, of.token + 1) : key;
    if (answer?.shape[0] !== rows.length || answer.shape[1] !== columns.length) return null;
    return { of, weights: without(answer.data, { query: rows, key: columns }) };
  }

  /** Whether a pinned head has the same queries and keys as the opened one. */
  private isComparable(pin: Pin): boolean {
    if ('step' in pin) return true;
    const [own, other] = [this.listsOf(this.session.focus.opened?.layer), this.listsOf(pin.head.layer)];
    return own.query === other.query && own.key === other.key;
  }

  /** Numbers of the lists that a layer's queries and keys are in. */
  private listsOf(layer = 0): Readonly<Record<Side, number>> {
    const { lists, layerTokens } = this.session.data;
    const tokens = layerTokens[layer];
    return tokens
      ? { query: lists.indexOf(tokens.queries), key: lists.indexOf(tokens.keys) }
      : { query: 0, key: 0 };
  }

  private tokensIn(list: number): readonly string[] {
    const listed = this.session.data.probe.value?.lists[list];
    if (this.sequence === 'mean') return Array.from({ length: listed?.longest ?? 0 }, (_, i) => String(i));
    return listed?.sequences[this.sequence ?? -1]?.tokens ?? [];
  }

  private side(list: number): SideTokens {
    const raw = this.tokensIn(list);
    const off = new Set(this.off.filter((other) => other.list === list).map(({ token }) => token));
    const gone = raw.map(
      (token, i) =>
        off.has(i) || (this.hidesFirst && i === 0) || (this.hidesSpecial && !this.mean && isSpecial(token)),
    );
    return { list, title: this.session.data.listTitles[list] ?? '', raw, tokens: raw.map(tokenText), gone };
  }

  private panel(id: string, title: string, answer: Attention | null): Panel {
    const read = this.readable(answer);
    const part = read?.of ? { of: read.of, weights: read.weights } : null;
    return { ...this.drawn(part ? null : (read?.weights ?? null)), id, title, part, signed: false };
  }

  private drawn(weights: Float32Array | null): Pick<Panel, 'weights' | 'drawn'> {
    const drawn = weights && strongest(weights, this.sides.key.tokens.length, this.top, this.least);
    return { weights, drawn };
  }
}
