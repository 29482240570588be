import type { Playback } from '../playback/playback.svelte';
import type { Focus } from '../run/focus.svelte';
import { type Settings, settings, whole } from '../run/setting';
import type { DataSource } from '../run/source';
import type { AttentionQuery } from '../run/types';
import { AskedAttention } from './asked_attention.svelte';
import { MOST_PINS, type Pin, pinId, pinList, pinned } from './pins';

/** What the pins are held against. */
export interface PinNeeds {
  readonly data: { readonly source: Pick<DataSource, 'attention'> };
  readonly focus: Pick<Focus, 'opened'>;
  readonly playback: Pick<Playback, 'step'>;
}

/** What is asked of every head and step. */
export type Asking = Omit<AttentionQuery, 'layer' | 'head' | 'step'>;

interface Pinned {
  readonly pin: Pin;
  readonly attention: AskedAttention;
}

/** Steps and heads that stand beside what the sentence view shows. */
export class Pins {
  ones = $state.raw<readonly Pinned[]>([]);
  private chosen = $state(0);
  readonly settings: Settings = settings<Pins>(this, {
    listed: pinList.or([]).as('pins'),
    compared: whole(MOST_PINS - 1).or(null),
  });

  constructor(
    private readonly session: PinNeeds,
    /** What is asked of the shown one, and so of each pin; null: nothing is. */
    private readonly asking: () => Asking | null,
  ) {}

  readonly all: readonly Pin[] = $derived(this.ones.map(({ pin }) => pin));
  /** The pin that the difference is taken to. */
  readonly against: Pin | null = $derived(this.all[this.chosen] ?? this.all[0] ?? null);
  readonly error: string | null = $derived(
    this.ones.find(({ attention }) => attention.error !== null)?.attention.error ?? null,
  );
  readonly loading: boolean = $derived(this.ones.some(({ attention }) => attention.loading));
  /** The attention of each pin, and where it is from; null where it is still on its way. */
  readonly held = $derived.by(() =>
    this.ones.flatMap(({ pin, attention }) => {
      const place = this.placeOf(pin);
      return place ? [{ place, weights: attention.value }] : [];
    }),
  );

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

  /** Asks for what is meant of each pin; to be called in an effect. */
  follow(of: unknown): void {
    for (const { attention } of this.ones) attention.follow(of);
  }

  add(pin: Pin): void {
    const found = this.all.findIndex((other) => pinId(other) === pinId(pin));
    if (found >= 0) {
      this.chosen = found;
      return;
    }
    const kept = this.ones.slice(-(MOST_PINS - 1));
    for (const one of this.ones) if (!kept.includes(one)) one.attention.clear();
    const attention = new AskedAttention(this.session.data.source, () => {
      const [asking, place] = [this.asking(), this.placeOf(pin)];
      return asking && place && { ...asking, ...place };
    });
    this.ones = [...kept, { pin, attention }];
    this.chosen = kept.length;
  }

  choose(pin: Pin): void {
    this.chosen = this.all.indexOf(pin);
  }

  remove(pin: Pin): void {
    const { against } = this;
    this.ones.find((one) => one.pin === pin)?.attention.clear();
    this.ones = this.ones.filter((one) => one.pin !== pin);
    this.chosen = Math.max(0, against === null ? 0 : this.all.indexOf(against));
  }

  clear(): void {
    for (const { attention } of this.ones) attention.clear();
    this.ones = [];
  }

  /** What is held is not so any more. */
  forget(): void {
    for (const { attention } of this.ones) attention.forget();
  }

  retry(): void {
    for (const { attention } of this.ones) if (attention.error !== null) void attention.retry();
  }

  private placeOf(pin: Pin): ReturnType<typeof pinned> | null {
    const { opened } = this.session.focus;
    const { step } = this.session.playback;
    return opened && step !== null ? pinned(pin, step, opened) : null;
  }
}
