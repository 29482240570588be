import type { Playback } from '../playback/playback.svelte';
import type { Focus } from '../run/focus.svelte';
import { Latest } from '../run/latest.svelte';
import { type Settings, settings, whole } from '../run/setting';
import type { DataSource } from '../run/source';
import type { AttentionQuery } from '../run/types';
import { type Attention, fetchedAttention } from './attention';
import { MOST_PINS, type Pin, pinId, pinList, pinned } from './pins';

/** The attention that is held against the shown one. */
class Pinned {
  readonly attention = new Latest<Attention>();
  private asked = '';

  constructor(readonly pin: Pin) {}

  follow(query: AttentionQuery, source: Pick<DataSource, 'attention'>): void {
    const asked = JSON.stringify(query);
    if (asked === this.asked) return;
    this.asked = asked;
    void this.attention.load((signal) => fetchedAttention(source, query, signal));
  }
}

/** What the pins are held against. */
export interface PinNeeds {
  readonly data: { readonly source: Pick<DataSource, 'attention'> };
  readonly focus: Pick<Focus, 'opened'>;
  readonly playback: Pick<Playback, 'step'>;
}

/** Steps and heads that stand beside what the sentence view shows. */
export class Pins {
  ones = $state.raw<readonly Pinned[]>([]);
  private chosen = $state(0);
  readonly settings: Settings = settings<Pins>(this, {
    listed: pinList.or([]).as('pins'),
    compared: whole(MOST_PINS - 1).or(null),
  });

  constructor(private readonly session: PinNeeds) {}

  readonly all: readonly Pin[] = $derived(this.ones.map(({ pin }) => pin));
  /** The pin that the difference is taken to. */
  readonly against: Pin | null = $derived(this.all[this.chosen] ?? this.all[0] ?? null);
  readonly error: string | null = $derived(
    this.ones.find(({ attention }) => attention.error !== null)?.attention.error ?? null,
  );
  readonly loading: boolean = $derived(this.ones.some(({ attention }) => attention.loading));
  /** The attention of each pin, and where it is from. */
  readonly held = $derived.by(() => {
    const { playback } = this.session;
    const { opened } = this.session.focus;
    const { step } = playback;
    if (!opened || step === null) return [];
    return this.ones.map(({ pin, attention }) => ({
      place: pinned(pin, step, opened),
      weights: attention.value,
    }));
  });

  get listed(): readonly Pin[] {
    return this.all;
  }

  set listed(pins: readonly Pin[]) {
    this.clear();
    for (const pin of pins) this.add(pin);
  }

  /** The number of the pin that is compared, unless it is the last one. */
  get compared(): number | null {
    const number = this.against === null ? -1 : this.all.indexOf(this.against);
    return number >= 0 && number < this.all.length - 1 ? number : null;
  }

  set compared(number: number | null) {
    const pin = this.all[number ?? -1];
    if (pin) this.choose(pin);
  }

  /** Asks for the same of each pin as of what is shown, unless it has. */
  follow(asked: Pick<AttentionQuery, 'run' | 'sequence' | 'weight' | 'query' | 'key'>): void {
    const { playback } = this.session;
    const { opened } = this.session.focus;
    const { step } = playback;
    if (!opened || step === null) return;
    for (const one of this.ones)
      one.follow({ ...asked, ...pinned(one.pin, step, opened) }, this.session.data.source);
  }

  add(pin: Pin): void {
    const found = this.all.findIndex((other) => pinId(other) === pinId(pin));
    if (found >= 0) {
      this.chosen = found;
      return;
    }
    const kept = this.ones.slice(-(MOST_PINS - 1));
    this.ones = [...kept, new Pinned(pin)];
    this.chosen = kept.length;
  }

  choose(pin: Pin): void {
    this.chosen = this.all.indexOf(pin);
  }

  remove(pin: Pin): void {
    const { against } = this;
    this.ones = this.ones.filter((one) => one.pin !== pin);
    this.chosen = Math.max(0, against === null ? 0 : this.all.indexOf(against));
  }

  clear(): void {
    this.ones = [];
  }

  retry(): void {
    for (const { attention } of this.ones) if (attention.error !== null) void attention.retry();
  }
}
