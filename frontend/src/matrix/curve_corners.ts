import { type Extremes, type Series, share } from '../health/health';

/** Corners of a curve at most: where steps find no room in a cell, least and greatest of some. */
const CORNERS = 240;

/** Heads' curves in a unit square, made once for the figures, extremes and scale that they show. */
export class CurveCorners {
  private known = new Map<number, Float32Array>();
  private figures: Series | null = null;
  private extremes: Extremes | null = null;

  /** Corners of a head's curve, x and y in turn, from the first step to the last, down for less; NaN where it is broken. */
  of(figures: Series, extremes: Extremes, number: number): Float32Array {
    if (figures !== this.figures || extremes.low !== this.extremes?.low) this.known = new Map();
    this.figures = figures;
    this.extremes = extremes;
    const held = this.known.get(number) ?? cornersOf(figures, extremes, number);
    this.known.set(number, held);
    return held;
  }
}

function cornersOf(
  { steps, heads, scale }: Series,
  { every, count, low, high }: Extremes,
  number: number,
): Float32Array {
  const [first = 0, last = 1] = [steps[0], steps.at(-1)];
  const corners: number[] = [];
  const together = count > CORNERS ? Math.ceil((2 * count) / CORNERS) : 1;
  for (let bucket = 0; bucket < count; bucket += together) {
    const end = Math.min(count, bucket + together);
    const middle = Math.min(steps.length - 1, Math.floor(((bucket + end) * every - 1) / 2));
    const across = ((steps[middle] ?? 0) - first) / Math.max(1, last - first);
    let [least, greatest] = [Number.NaN, Number.NaN];
    for (let at = bucket; at < end; at++) {
      const [under, over] = [low[at * heads + number] ?? Number.NaN, high[at * heads + number] ?? Number.NaN];
      if (!(least <= under) && !Number.isNaN(under)) least = under;
      if (!(greatest >= over) && !Number.isNaN(over)) greatest = over;
    }
    corners.push(across, 1 - share(scale, least));
    if (greatest > least) corners.push(across, 1 - share(scale, greatest));
  }
  return Float32Array.from(corners);
}
