import { untrack } from 'svelte';
import type { Feature } from './feature';
import { Latest } from './latest.svelte';

/** The answer to a question that changes: what is told, and what went wrong, is of the question that is put now, and gone as
 * soon as another one is. The same question may be asked again, while its last answer stands. */
export class Asked<Q, A> implements Feature {
  private readonly latest = new Latest<{ readonly question: Q; readonly answer: A }>();
  /** What was asked last, in JSON. */
  private put = $state('');

  /** @param question what is asked now; null: nothing is */
  constructor(
    protected readonly question: () => Q | null,
    private readonly ask: (question: Q, signal: AbortSignal) => Promise<A>,
  ) {}

  private readonly now: string = $derived.by(() => JSON.stringify(this.question()));
  readonly value: A | null = $derived(
    this.last && JSON.stringify(this.last.question) === this.now ? this.last.answer : null,
  );
  readonly error: string | null = $derived(this.put === this.now ? this.latest.error : null);

  get loading(): boolean {
    return this.latest.loading;
  }

  /** The newest answer, to whichever question it was. */
  get last(): { readonly question: Q; readonly answer: A } | null {
    return this.latest.value;
  }

  get busy(): boolean {
    return this.loading;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.clear();
  }

  /** Asks what is to be asked now, also where that was asked before; to be called in an effect. */
  follow(): void {
    this.question();
    untrack(() => void this.retry());
  }

  async retry(): Promise<void> {
    const question = this.question();
    if (question === null) return this.clear(); // nobody waits for it any more
    if (this.put !== this.now) this.latest.error = null;
    this.put = this.now;
    await this.latest.load(async (signal) => ({ question, answer: await this.ask(question, signal) }));
  }

  /** The last answer is not so any more: what is asked now is asked again. */
  forget(): void {
    this.clear();
    void this.retry();
  }

  clear(): void {
    this.put = '';
    this.latest.clear();
  }
}
