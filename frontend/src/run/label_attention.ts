/** From which kind of token to which a head attends: the JSON of the route `label_attention` (docs/http_api.md). */

export interface LabelQuery {
  readonly run: string;
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  readonly label: string;
}

/** Kinds of queries down, of keys across; '' is a kind that is not known. */
export interface LabelAttention extends LabelQuery {
  readonly query_labels: readonly string[];
  readonly key_labels: readonly string[];
  /** The mean share that queries of a kind give; null where none of them sees a key. */
  readonly attention: readonly (readonly (number | null)[])[];
  /** What a head would give that attends to all that it sees alike. */
  readonly even: readonly (readonly (number | null)[])[];
  /** How many there are of each kind. */
  readonly queries: readonly number[];
}
