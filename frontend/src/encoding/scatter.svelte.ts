/** What the opened head's scatterplot shows beside its points. */
export class Scatter {
  /** The id of what the points' colours tell. */
  colouring = $state('kind');
  /** Whether a point's size tells its norm. */
  sized = $state(false);
  /** Whether tokens stand beside points, as many as have room. */
  words = $state(true);
  /** Whether points of images are drawn as their patches. */
  patches = $state(true);
  /** Whether the selected sequence's attention is drawn. */
  lines = $state(true);
  /** Keys drawn for each query; AttentionViz' two unless chosen otherwise. */
  top = $state(USUAL_TOP);
  /** The least weight that is drawn, per cent. */
  least = $state(USUAL_LEAST);
}

export const USUAL_TOP = 2;
export const USUAL_LEAST = 5;
