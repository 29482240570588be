/** One number for each head, that heads can be sorted, filtered and tinted by. */
export interface HeadScore {
  readonly id: string;
  readonly title: string;
  /** What it means, in a sentence. */
  readonly reads: string;
  /** [heads of all layers]; NaN: unknown. */
  readonly values: Float64Array;
}
