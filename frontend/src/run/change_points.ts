/** When figures of heads moved to another level: the JSON of the route `change_points` (docs/http_api.md). */

export interface FigureOfRunQuery {
  readonly run: string;
  readonly figure: string;
}

export interface ChangePoint {
  /** Among the heads of all layers. */
  readonly head: number;
  /** The first one of the new level. */
  readonly step: number;
  readonly before: number;
  readonly after: number;
}

export interface ChangePoints extends FigureOfRunQuery {
  /** In the order of the steps; none of a figure that is no share. */
  readonly points: readonly ChangePoint[];
}
