import { Latest } from './latest.svelte';

/** Answers by name that are asked for while something needs them; the newest of them are kept. */
export class Gathered<T> {
  private held = $state.raw<ReadonlyMap<string, T>>(new Map());
  private attempt = $state(0);
  private readonly latest = new Latest<void>();

  /** @param kept how many answers are kept */
  constructor(private readonly kept: number) {}

  get error(): string | null {
    return this.latest.error;
  }

  get loading(): boolean {
    return this.latest.loading;
  }

  get(name: string): T | undefined {
    return this.held.get(name);
  }

  /** Gathers this one unless it is here, and gives up what was asked for before; to be called in an effect, which asks
   * again after `retry`.
   * @param name null: nothing is needed */
  need(name: string | null, gather: (signal: AbortSignal) => Promise<T>): void {
    if (this.attempt < 0) return;
    this.latest.clear();
    if (name === null || this.held.has(name)) return;
    void this.latest.load(async (signal) => {
      const answer = await gather(signal);
      signal.throwIfAborted();
      this.held = new Map([...[...this.held].slice(1 - this.kept), [name, answer]]);
    });
  }

  retry(): void {
    this.attempt++;
  }

  /** What is kept is not so any more: what is needed is asked for again. */
  forget(): void {
    this.latest.clear();
    this.held = new Map();
    this.attempt++;
  }
}
