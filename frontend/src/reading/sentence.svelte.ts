import type { Side, TokenPlace } from '../attention/side';
import type { Gone } from '../attention/weights';
import { stepName } from '../base/numbers';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { headLabel } from '../run/labels';
import { type TokenIndex, tokenText } from '../run/places';
import type { RunState } from '../run/run_state.svelte';
import type { Link, Said } from '../run/setting';
import type { DataSource } from '../run/source';
import { isSpecial } from '../run/special';
import type { AttentionQuery, Run } from '../run/types';
import { AskedAttention } from './asked_attention.svelte';
import { type ListedToken, listedTokens } from './listed_tokens';
import { positionNames, positionOf } from './mean_positions';
import { differenceOf, type Panel, panelOf } from './panel';
import { type Pin, pinId, pinTitle } from './pins';
import { SentenceOptions } from './sentence_options.svelte';
import { type Asking, type PinNeeds, Pins } from './sentence_pins.svelte';

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
  /** Whether these are the positions of a mean, by name. */
  readonly positions: boolean;
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
  readonly attention: AskedAttention;
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
    this.pins = new Pins(session, () => this.asking);
    this.attention = new AskedAttention(session.data.source, () => {
      const { opened } = session.focus;
      const { step } = session.playback;
      return this.asking && opened && step !== null ? { ...this.asking, ...opened, step } : null;
    });
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
  /** What is asked, of whichever head and step: of a very large matrix only a part; null: nothing is. */
  private readonly asking: Asking | null = $derived.by(() => {
    const { run, probe } = this.session.data;
    const { sequence } = this;
    // How large the matrix is, the probe says.
    if (!run || run.error !== null || sequence === null || probe.value === null) return null;
    if (this.session.focus.selection === null) return null;
    const part = this.part();
    return { run: run.run, sequence, ...this.weighing, ...(part && { [part.side]: part.token }) };
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
    const place = this.mean ? (this.position ?? this.inMean(selection)) : selection;
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

  private readonly choice = $derived({ gone: this.gone, top: this.top, least: this.least });
  readonly shown: Panel = $derived.by(() => {
    const { drawn } = this.attention;
    const step = drawn?.step ?? this.session.playback.step ?? 0;
    const title = `${this.headName} · ${stepName(step)}`;
    return panelOf({ id: 'shown', title }, drawn, this.choice);
  });
  private readonly pinnedPanels: readonly Panel[] = $derived.by(() =>
    this.pins.ones.map(({ pin, attention }) => {
      const [id, title] = [pinId(pin), pinTitle(pin, this.session.data.run)];
      const elsewhere = this.elsewhere(pin);
      if (elsewhere) return panelOf({ id, title: elsewhere }, null, this.choice);
      const { drawn } = attention;
      return panelOf(
        { id, title: drawn?.late ? `${title} · ${stepName(drawn.step)}` : title },
        drawn,
        this.choice,
      );
    }),
  );
  /** Why the chosen pin is not compared, for people; '' where it is. */
  readonly incomparable: string = $derived.by(() => this.elsewhere(this.pins.against));
  private readonly againstPanel: Panel | null = $derived.by(() => {
    const { against } = this.pins;
    if (!against || this.incomparable) return null;
    return this.pinnedPanels.find(({ id }) => id === pinId(against)) ?? null;
  });
  private readonly differencePanel: Panel | null = $derived.by(() => {
    const { shown, againstPanel: other } = this;
    const { against } = this.pins;
    if (!other || !against) return null;
    const title = `${shown.late ? stepName(shown.step ?? 0) : 'shown'} − ${other.title}`;
    // Of two heads at different steps there is no difference to tell.
    const apart = 'head' in against && shown.step !== other.step;
    return differenceOf(
      { id: 'difference', title },
      shown,
      apart ? { ...other, weights: null, part: null } : other,
      this.choice,
    );
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

  /** What of the drawn picture is still on its way, for people; '' where all of it is here. */
  readonly waits: string = $derived.by(() => {
    const { pictured, attention, pins } = this;
    if (attention.error !== null || !(attention.loading || pins.loading)) return '';
    const { step } = this.session.playback;
    if (pictured.late) return `Still ${stepName(pictured.step ?? 0)}: ${stepName(step ?? 0)} is on its way`;
    const meant = `${this.headName} at ${stepName(step ?? 0)}`;
    return pictured.weights || pictured.part
      ? ''
      : `Attention of ${attention.loading ? meant : pictured.title} is on its way`;
  });
  private readonly headName: string = $derived.by(() => {
    const { opened } = this.session.focus;
    return opened ? headLabel(this.session.data.layers, opened.layer, opened.head) : '';
  });

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { run } = this.session.data;
      this.attention.follow(run);
      this.pins.follow(run);
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

  forget(): void {
    this.attention.forget();
    this.pins.forget();
  }

  /** Tokens that were clicked off and positions are of one run’s sequences, and so are pins. */
  leave(): void {
    this.attention.clear();
    this.pins.clear();
    this.position = null;
    this.bringBack();
  }

  /** That a pinned head has other queries or keys than the opened one, for people; '' where it has the same. */
  private elsewhere(pin: Pin | null): string {
    if (!pin || 'step' in pin) return '';
    const [own, other] = [this.listsOf(this.session.focus.opened?.layer), this.listsOf(pin.head.layer)];
    if (own.query === other.query && own.key === other.key) return '';
    return `${pinTitle(pin, this.session.data.run)} attends among other tokens`;
  }

  /** Numbers of the lists that a layer's queries and keys are in. */
  private listsOf(layer = 0): Readonly<Record<Side, number>> {
    const { lists, layerTokens } = this.session.data;
    const tokens = layerTokens[layer];
    return tokens
      ? { query: lists.indexOf(tokens.queries), key: lists.indexOf(tokens.keys) }
      : { query: 0, key: 0 };
  }

  /** Where the selected token stands in the mean. */
  private inMean(selection: Focus['selection']): TokenPlace | null {
    const listed = this.session.data.probe.value?.lists[selection?.list ?? -1];
    const length = listed?.sequences[selection?.sequence ?? -1]?.tokens.length;
    if (!selection || !listed || length === undefined) return selection;
    return { side: selection.side, token: positionOf(selection.token, length, listed.longest) };
  }

  private tokensIn(list: number): readonly string[] {
    const listed = this.session.data.probe.value?.lists[list];
    if (this.sequence === 'mean')
      return positionNames(listed?.sequences.map(({ tokens }) => tokens.length) ?? []);
    return listed?.sequences[this.sequence ?? -1]?.tokens ?? [];
  }

  private side(list: number): SideTokens {
    const raw = this.tokensIn(list);
    const off = new Set(this.off.filter((other) => other.list === list).map(({ token }) => token));
    const gone = raw.map(
      (token, i) =>
        off.has(i) || (this.hidesFirst && i === 0) || (this.hidesSpecial && !this.mean && isSpecial(token)),
    );
    const title = this.session.data.listTitles[list] ?? '';
    return { list, title, raw, tokens: raw.map(tokenText), gone, positions: this.sequence === 'mean' };
  }
}
