import { isAbort, sentence } from './source';

/** One thing that is asked for again and again, of which only the newest answer counts. */
export class Latest<T> {
  /** The last answer; kept while a newer one is under way, so that nothing flickers. */
  value = $state.raw<T | null>(null);
  error = $state<string | null>(null);
  loading = $state(false);
  private controller: AbortController | null = null;
  private work: ((signal: AbortSignal) => Promise<T>) | null = null;

  load(work: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.work = work;
    return this.retry();
  }

  async retry(): Promise<void> {
    const { work } = this;
    if (!work) return;
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.loading = true;
    try {
      const value = await work(controller.signal);
      if (controller.signal.aborted) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (controller.signal.aborted || isAbort(error)) return;
      this.error = sentence(error);
      controller.abort(); // what else it asked for is of no use without this
    } finally {
      if (this.controller === controller) this.loading = false;
    }
  }

  clear(): void {
    this.controller?.abort();
    this.controller = null;
    this.work = null;
    this.value = null;
    this.error = null;
    this.loading = false;
  }
}
