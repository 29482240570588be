import type { TokenPlace } from '../attention/side';

/** What one token gives, or gets. */
export interface OwnWeights {
  readonly of: TokenPlace;
  readonly weights: Float32Array;
}

/** One picture of the sentence. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  /** [queries, keys]; null until it is here, or where only a part of it was asked for. */
  readonly weights: Float32Array | null;
  /** What was asked for instead: of one query to all keys, or of one key from all queries. */
  readonly part: OwnWeights | null;
  /** Those of them that are strong enough to be drawn. */
  readonly drawn: Float32Array | null;
  /** A difference: from −1 to 1. */
  readonly signed: boolean;
}
