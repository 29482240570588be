import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { isAbort, sentence } from '../run/source';

/** Numbers of rows up to `to`. */
export interface Piece {
  readonly to: number;
  readonly data: Float32Array;
}

interface Asked {
  readonly to: number;
  readonly controller: AbortController;
  failed: boolean;
}

/** What is asked for piece by piece, and grows with the run: the newest answers, and what is on its way. */
export class Pieces {
  error = $state<string | null>(null);
  private readonly held = new SvelteMap<string, Piece>();
  private readonly asked = new Map<string, Asked>();
  private underway = $state(0);
  private tries = $state(0);

  /** @param most pieces that are held beside those that are wanted */
  constructor(private readonly most: number) {}

  get loading(): boolean {
    return this.underway > 0;
  }

  get(key: string): Piece | null {
    return this.held.get(key) ?? null;
  }

  /** Loads what is not here up to its `to` yet, from what is held of it; lets go of what is not wanted any more.
   * To be called in an effect, which runs again where a piece came or the user asks to try again. */
  want(
    wanted: ReadonlyMap<
      string,
      { to: number; load(held: Piece | null, signal: AbortSignal): Promise<Piece> }
    >,
  ): void {
    void this.tries;
    for (const [key, { controller }] of this.asked) if (!wanted.has(key)) controller.abort();
    const extra = [...this.held.keys()].filter((key) => !wanted.has(key));
    for (const key of extra.slice(0, Math.max(0, extra.length - this.most))) this.held.delete(key);
    for (const [key, { to, load }] of wanted) {
      const held = this.get(key);
      if (held?.to === to || this.asked.get(key)?.to === to) continue;
      this.asked.get(key)?.controller.abort();
      untrack(() => void this.load(key, to, (signal) => load(held, signal)));
    }
  }

  retry(): void {
    this.error = null;
    for (const [key, { failed }] of this.asked) if (failed) this.asked.delete(key);
    this.tries++;
  }

  clear(): void {
    for (const { controller } of this.asked.values()) controller.abort();
    this.asked.clear();
    this.held.clear();
    this.error = null;
  }

  private async load(key: string, to: number, work: (signal: AbortSignal) => Promise<Piece>): Promise<void> {
    const controller = new AbortController();
    const own: Asked = { to, controller, failed: false };
    this.asked.set(key, own);
    this.underway++;
    try {
      const piece = await work(controller.signal);
      if (controller.signal.aborted) return;
      this.held.delete(key); // so that it is the newest one
      this.held.set(key, piece);
      if (this.asked.get(key) === own) this.asked.delete(key);
      if (![...this.asked.values()].some(({ failed }) => failed)) this.error = null;
    } catch (error) {
      // A failure is not tried again until somebody asks for it.
      if (controller.signal.aborted || isAbort(error)) return;
      own.failed = true;
      this.error = sentence(error);
    } finally {
      if (controller.signal.aborted && this.asked.get(key) === own) this.asked.delete(key);
      this.underway--;
    }
  }
}
