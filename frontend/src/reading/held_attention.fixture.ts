import type { NpyArray } from '../base/npy';
import type { AttentionQuery } from '../run/types';

/** A server that answers when the test says so; for tests. */
export class HeldAttention {
  readonly heard: AttentionQuery[] = [];
  private readonly waiting: { readonly query: AttentionQuery; answer(made: NpyArray): void; fail(): void }[] =
    [];

  attention(query: AttentionQuery): Promise<NpyArray> {
    this.heard.push(query);
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`Layer ${query.layer} was not exported.`));
      this.waiting.push({ query, answer: resolve, fail });
    });
  }

  /** Answers all that waits with `value`, or with what it makes of the question, everywhere in [rows, columns]. */
  async answer(value: number | ((query: AttentionQuery) => number), rows = 2, columns = 2): Promise<void> {
    for (const { query, answer } of this.waiting.splice(0)) {
      const data = new Float32Array(rows * columns).fill(typeof value === 'number' ? value : value(query));
      answer({ shape: [rows, columns], data });
    }
    await settled();
  }

  async fail(): Promise<void> {
    for (const { fail } of this.waiting.splice(0)) fail();
    await settled();
  }
}

/** Lets what waits for a promise go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
