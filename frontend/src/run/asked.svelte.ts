import { untrack } from 'svelte';
import { isAbort, sentence } from './source';

/** The answer to a question that changes: what is told, and what went wrong, is of the question that is put now, and gone as
 * soon as another one is. The same question may be asked again, while its last answer stands. */
export class Asked<Q, A> {
  loading = $state(false);
  /** The newest answer, to whichever question it was. */
  last = $state.raw<{ readonly question: Q; readonly answer: A } | null>(null);
  private failed = $state.raw<{ readonly question: Q; readonly why: string } | null>(null);
  private controller: AbortController | null = null;

  /** @param question what is asked now; null: nothing is */
  constructor(
    private readonly question: () => Q | null,
    private readonly ask: (question: Q, signal: AbortSignal) => Promise<A>,
  ) {}

  private readonly now: string = $derived.by(() => JSON.stringify(this.question()));
  readonly value: A | null = $derived(
    this.last && JSON.stringify(this.last.question) === this.now ? this.last.answer : null,
  );
  readonly error: string | null = $derived(
    this.failed && JSON.stringify(this.failed.question) === this.now ? this.failed.why : null,
  );

  /** Asks what is to be asked now, also where that was asked before; to be called in an effect. */
  follow(): void {
    this.question();
    untrack(() => void this.retry());
  }

  async retry(): Promise<void> {
    const question = this.question();
    if (question === null) return this.clear(); // nobody waits for it any more
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.loading = true;
    try {
      const answer = await this.ask(question, controller.signal);
      if (controller.signal.aborted) return;
      this.last = { question, answer };
      this.failed = null;
    } catch (error) {
      if (controller.signal.aborted || isAbort(error)) return;
      this.failed = { question, why: sentence(error) };
    } finally {
      if (this.controller === controller) this.loading = false;
    }
  }

  /** The last answer is not so any more: what is asked now is asked again. */
  forget(): void {
    this.clear();
    void this.retry();
  }

  clear(): void {
    this.controller?.abort();
    this.controller = null;
    this.last = null;
    this.failed = null;
    this.loading = false;
  }
}
