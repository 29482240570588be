/** A head among those of a run: both numbers count from 0, in the order of the forward pass. */
export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}
