import type { TokenPlace } from '../attention/side';
import type { NpyArray } from '../base/npy';
import { Asked } from '../run/asked.svelte';
import type { DataSource } from '../run/source';
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

/** The attention of one head, step and sequence at a time. An answer counts for its own question only: whatever else is
 * asked for, it is gone at once, but for another step of the same, where it stands in, so that playing does not flicker. */
export class AskedAttention extends Asked<AttentionQuery, Attention> {
  private asked: AttentionQuery | null = null;
  private of: unknown = null;

  constructor(source: Pick<DataSource, 'attention'>, question: () => AttentionQuery | null) {
    super(question, async (asked, signal) => ({
      ...(await source.attention(asked, signal)),
      of: partOf(asked),
    }));
  }

  /** What may be drawn. */
  readonly drawn: Drawn | null = $derived.by(() => {
    const { last } = this;
    const question = this.question();
    if (!last || !question || !isSame(last.question, { ...question, step: last.question.step })) return null;
    const { step } = last.question;
    const late = step !== question.step;
    return late && this.error !== null ? null : { attention: last.answer, step, late };
  });

  /** @param of what it is read from: where that is another object, the same question is asked again */
  override follow(of?: unknown): void {
    const question = this.question();
    if (question && this.asked && isSame(this.asked, question) && this.of === of) return;
    this.asked = question;
    this.of = of;
    super.follow();
  }

  override forget(): void {
    const { asked } = this;
    if (!asked) return;
    super.forget();
    this.asked = asked;
  }

  override clear(): void {
    this.asked = null;
    super.clear();
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
