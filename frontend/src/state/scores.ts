/** A number of every head by which the matrix can be sorted, filtered and tinted. */
export interface HeadScore {
  readonly id: string;
  readonly title: string;
  /** What it says, in one sentence. */
  readonly reads: string;
  /** [heads of all layers]; NaN: unknown. */
  readonly values: Float64Array;
}
