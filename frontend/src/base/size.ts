/** Of a rectangle, mostly in css pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}
