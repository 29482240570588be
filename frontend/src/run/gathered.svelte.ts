import { isAbort, sentence } from './source';

/** Answers by name that are asked for while something needs them; the newest of them are kept. */
export class Gathered<T> {
  error = $state<string | null>(null);
  loading = $state(false);
  private held = $state.raw<ReadonlyMap<string, T>>(new Map());
  private attempt = $state(0);
  private controller: AbortController | null = null;

  /** @param kept how many answers are kept */
  constructor(private readonly kept: number) {}

  get(name: string): T | undefined {
    return this.held.get(name);
  }

  /** Gathers this one unless it is here, and gives up what was asked for before; to be called in an effect, which asks
   * again after `retry`.
   * @param name null: nothing is needed */
  need(name: string | null, gather: (signal: AbortSignal) => Promise<T>): void {
    if (this.attempt < 0) return;
    this.controller?.abort();
    this.controller = null;
    this.loading = false;
    this.error = null;
    if (name !== null && !this.held.has(name)) void this.load(name, gather);
  }

  retry(): void {
    this.attempt++;
  }

  /** What is kept is not so any more: what is needed is asked for again. */
  forget(): void {
    this.controller?.abort();
    this.held = new Map();
    this.attempt++;
  }

  private async load(name: string, gather: (signal: AbortSignal) => Promise<T>): Promise<void> {
    const controller = new AbortController();
    this.controller = controller;
    this.loading = true;
    try {
      const answer = await gather(controller.signal);
      if (controller.signal.aborted) return;
      this.held = new Map([...[...this.held].slice(1 - this.kept), [name, answer]]);
    } catch (error) {
      if (!controller.signal.aborted && !isAbort(error)) this.error = sentence(error);
      controller.abort(); // what else it asked for is of no use without this
    } finally {
      if (this.controller === controller) this.loading = false;
    }
  }
}
