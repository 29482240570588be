import type { TokenPlace } from '../attention/side';
import type { NpyArray } from '../base/npy';
import { type DataSource, isAbort, sentence } from '../run/source';
import type { AttentionQuery } from '../run/types';

/** An answer: the whole matrix, or the row of one query, or the column of one key. */
export interface Attention extends NpyArray {
  readonly of: TokenPlace | null;
}

/** An answer, and the step that it is of. */
export interface Drawn {
  readonly attention: Attention;
  readonly step: number;
  /** Whether that is another step than the one that is asked for, whose own is still on its way. */
  readonly late: boolean;
}

interface Answer {
  readonly query: AttentionQuery;
  readonly attention: Attention;
}

/** The attention of one head, step and sequence at a time. An answer counts for its own question only: whatever else is
 * asked for, it is gone at once, but for another step of the same, where it stands in, so that playing does not flicker. */
export class AskedAttention {
  error = $state<string | null>(null);
  loading = $state(false);
  private answer = $state.raw<Answer | null>(null);
  private asked: AttentionQuery | null = null;
  private of: unknown = null;
  private controller: AbortController | null = null;

  constructor(
    private readonly source: Pick<DataSource, 'attention'>,
    /** What is asked for; null: nothing is. */
    private readonly question: () => AttentionQuery | null,
  ) {}

  /** What may be drawn. */
  readonly drawn: Drawn | null = $derived.by(() => {
    const { answer } = this;
    const question = this.question();
    if (!answer || !question || !isSame(answer.query, { ...question, step: answer.query.step })) return null;
    const late = answer.query.step !== question.step;
    if (late && this.error !== null) return null;
    return { attention: answer.attention, step: answer.query.step, late };
  });

  /** The answer to what is asked for; null until it is here. */
  readonly value: Attention | null = $derived(this.drawn?.late === false ? this.drawn.attention : null);

  /** Asks for what is meant now; to be called in an effect.
   * @param of what it is read from: where that is another object, the same question is asked again */
  follow(of: unknown): void {
    const question = this.question();
    if (!question) {
      this.clear();
      return;
    }
    const same = this.asked !== null && isSame(this.asked, question);
    if (same && this.of === of) return;
    this.asked = question;
    this.of = of;
    if (!same) this.error = null; // it was about another one
    void this.retry();
  }

  async retry(): Promise<void> {
    const { asked } = this;
    if (!asked) return;
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.loading = true;
    try {
      const answer = await this.source.attention(asked, controller.signal);
      if (controller.signal.aborted) return;
      this.answer = { query: asked, attention: { ...answer, of: partOf(asked) } };
      this.error = null;
    } catch (error) {
      if (controller.signal.aborted || isAbort(error)) return;
      this.error = sentence(error);
    } finally {
      if (this.controller === controller) this.loading = false;
    }
  }

  /** The answer is not so any more: it is gone, and asked for again. */
  forget(): void {
    this.answer = null;
    this.error = null;
    void this.retry();
  }

  clear(): void {
    this.controller?.abort();
    this.controller = null;
    this.asked = null;
    this.answer = null;
    this.error = null;
    this.loading = false;
  }
}

function partOf({ query, key }: AttentionQuery): TokenPlace | null {
  if (query !== undefined) return { side: 'query', token: query };
  return key === undefined ? null : { side: 'key', token: key };
}

function isSame(a: AttentionQuery, b: AttentionQuery): boolean {
  const parts = ['run', 'step', 'layer', 'head', 'sequence', 'weight', 'query', 'key'] as const;
  return parts.every((part) => a[part] === b[part]);
}
