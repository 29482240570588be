import type { NpyArray } from '../api/npy';
import type { AttentionQuery } from '../api/types';
import { tokenText } from '../probe/places';
import { MOST_PINS, type Pin, pinId, pinned, pinTitle } from '../sentence/pins';
import { isSpecial } from '../sentence/special';
import { difference, strongest, without } from '../sentence/weights';
import { headLabel } from './labels';
import { Latest } from './latest.svelte';
import type { Session } from './session.svelte';

export type Side = 'query' | 'key';
export type Form = 'lines' | 'map';
/** Which of the compared pictures the lines draw; the maps stand side by side. */
export type Shows = 'shown' | 'pinned' | 'difference';

export interface TokenPlace {
  readonly side: Side;
  readonly token: number;
}

/** One picture of the sentence. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  /** [tokens, tokens]; null until it is here. */
  readonly weights: Float32Array | null;
  /** Those of them that are strong enough to be drawn. */
  readonly drawn: Float32Array | null;
  /** A difference: from −1 to 1. */
  readonly signed: boolean;
}

/** The attention that is held against the shown one. */
class Pinned {
  readonly attention = new Latest<NpyArray>();
  private asked = '';

  constructor(readonly pin: Pin) {}

  follow(query: AttentionQuery, session: Session): void {
    const asked = JSON.stringify(query);
    if (asked === this.asked) return;
    this.asked = asked;
    void this.attention.load((signal) => session.source.attention(query, signal));
  }
}

/** What the sentence view shows of the attention, and what it is held against. */
export class Sentence {
  form = $state<Form>('lines');
  /** The mean over all sequences, by position, instead of one sequence. */
  mean = $state(false);
  hidesSpecial = $state(false);
  hidesFirst = $state(false);
  /** Keys drawn for each query; 0: all. */
  top = $state(0);
  /** The least weight that is drawn. */
  least = $state(0);
  /** Whether weights are to count by the norms of the values that they fetch. */
  byValues = $state(false);
  /** Whether it has the head view for itself. */
  fills = $state(false);
  shows = $state<Shows>('difference');
  /** Css pixels of a heat map's cell; null: all of it is seen. */
  cell = $state<number | null>(null);
  private pinnedOnes = $state.raw<readonly Pinned[]>([]);
  private chosenPin = $state(0);
  /** The position that is selected in the mean, which belongs to no sequence. */
  position = $state.raw<TokenPlace | null>(null);
  private left = $state.raw<{ readonly of: number | 'mean'; readonly tokens: readonly number[] }>({
    of: 0,
    tokens: [],
  });

  constructor(private readonly session: Session) {}

  /** What is asked of the server: a sequence's number, or the mean. */
  readonly sequence: number | 'mean' | null = $derived.by(() =>
    this.mean ? 'mean' : (this.session.selection?.sequence ?? null),
  );
  /** Whether the opened head’s layer has norms of values to weigh by. */
  readonly hasValues: boolean = $derived.by(() => {
    const { opened, layers } = this.session;
    return opened !== null && (layers[opened.layer]?.values ?? false);
  });
  /** What is asked of the server beside the place. */
  readonly weighing: Pick<AttentionQuery, 'weight'> = $derived(
    this.byValues && this.hasValues ? { weight: 'values' } : {},
  );
  readonly raw: readonly string[] = $derived.by(() => {
    const probe = this.session.probe.value;
    if (this.sequence === 'mean') return Array.from({ length: probe?.longest ?? 0 }, (_, i) => String(i));
    return probe?.sequences[this.sequence ?? -1]?.tokens ?? [];
  });
  readonly tokens: readonly string[] = $derived(this.raw.map(tokenText));
  /** Where the selection stands; null where nothing is selected. */
  readonly selected: TokenPlace | null = $derived.by(() => {
    const { selection } = this.session;
    const place = this.mean ? (this.position ?? selection) : selection;
    return place && { side: place.side, token: Math.min(place.token, Math.max(0, this.tokens.length - 1)) };
  });
  /** Tokens that the user has clicked off in what is shown. */
  readonly off: readonly number[] = $derived(this.left.of === this.sequence ? this.left.tokens : []);
  readonly gone: readonly boolean[] = $derived(
    this.raw.map(
      (token, i) =>
        this.off.includes(i) ||
        (this.hidesFirst && i === 0) ||
        (this.hidesSpecial && !this.mean && isSpecial(token)),
    ),
  );

  readonly pins: readonly Pin[] = $derived(this.pinnedOnes.map(({ pin }) => pin));
  /** The pin that the difference is taken to. */
  readonly against: Pin | null = $derived(this.pins[this.chosenPin] ?? this.pins[0] ?? null);
  readonly pinError: string | null = $derived(
    this.pinnedOnes.find(({ attention }) => attention.error !== null)?.attention.error ?? null,
  );
  /** The attention of each pin, and where it is from. */
  readonly held = $derived.by(() => {
    const { opened, playback } = this.session;
    const { step } = playback;
    if (!opened || step === null) return [];
    return this.pinnedOnes.map(({ pin, attention }) => ({
      place: pinned(pin, step, opened),
      weights: attention.value,
    }));
  });
  readonly loading: boolean = $derived(this.pinnedOnes.some(({ attention }) => attention.loading));

  readonly shown: Panel = $derived.by(() => {
    const { opened, layers, playback } = this.session;
    const head = opened ? headLabel(layers, opened.layer, opened.head) : '';
    const title = `${head} · step ${(playback.step ?? 0).toLocaleString('en-US')}`;
    return this.panel('shown', title, this.readable(this.session.attention.value));
  });
  private readonly pinnedPanels: readonly Panel[] = $derived(
    this.pinnedOnes.map(({ pin, attention }) =>
      this.panel(pinId(pin), pinTitle(pin, this.session.run), this.readable(attention.value)),
    ),
  );
  private readonly againstPanel: Panel | null = $derived(
    this.pinnedPanels.find(({ id }) => this.against && id === pinId(this.against)) ?? null,
  );
  private readonly differencePanel: Panel | null = $derived.by(() => {
    const other = this.againstPanel;
    if (!other) return null;
    const [a, b] = [this.shown.weights, other.weights];
    return this.panel('difference', `shown − ${other.title}`, a && b ? difference(a, b) : null, true);
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

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { run, opened, playback, selection } = this.session;
      const { sequence } = this;
      if (!run || run.error !== null || !opened || !selection || sequence === null || playback.step === null)
        return;
      for (const one of this.pinnedOnes) {
        const place = pinned(one.pin, playback.step, opened);
        one.follow({ run: run.run, ...place, sequence, ...this.weighing }, this.session);
      }
    });
  }

  select({ side, token }: TokenPlace): void {
    const { session } = this;
    if (this.mean) this.position = { side, token };
    else if (session.selection) session.selection = { ...session.selection, side, token };
  }

  /** Leaves a token out, or brings it back. */
  toggle(token: number): void {
    const { off, sequence } = this;
    if (sequence === null) return;
    const tokens = off.includes(token) ? off.filter((other) => other !== token) : [...off, token];
    this.left = { of: sequence, tokens };
  }

  bringBack(): void {
    this.left = { of: 0, tokens: [] };
  }

  leaveOut(tokens: readonly number[], of: number | 'mean'): void {
    this.left = { of, tokens };
  }

  pin(pin: Pin): void {
    const found = this.pins.findIndex((other) => pinId(other) === pinId(pin));
    if (found >= 0) {
      this.chosenPin = found;
      return;
    }
    const kept = this.pinnedOnes.slice(-(MOST_PINS - 1));
    this.pinnedOnes = [...kept, new Pinned(pin)];
    this.chosenPin = kept.length;
  }

  choosePin(pin: Pin): void {
    this.chosenPin = this.pins.indexOf(pin);
  }

  unpin(pin: Pin): void {
    const { against } = this;
    this.pinnedOnes = this.pinnedOnes.filter((one) => one.pin !== pin);
    this.chosenPin = Math.max(0, against === null ? 0 : this.pins.indexOf(against));
  }

  unpinAll(): void {
    this.pinnedOnes = [];
  }

  retryPins(): void {
    for (const { attention } of this.pinnedOnes) if (attention.error !== null) void attention.retry();
  }

  /** An answer as weights; the matrix is kept while the next one loads, but one of another size is not of this sentence. */
  private readable(answer: NpyArray | null): Float32Array | null {
    const size = this.tokens.length;
    if (answer?.shape[0] !== size || answer.shape[1] !== size) return null;
    return without(answer.data, size, this.gone);
  }

  private panel(id: string, title: string, weights: Float32Array | null, signed = false): Panel {
    const drawn = weights && strongest(weights, this.tokens.length, this.top, this.least);
    return { id, title, weights, drawn, signed };
  }
}
