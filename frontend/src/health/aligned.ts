import type { Extremes, Range, Scale, Series } from './health';

/** A figure of another run by the heads of the shown one, on the scale of that one's.
 * @param numbers of the other run's heads, for each head that is shown; −1 where it has none, whose values are NaN */
export function aligned(series: Series, scale: Scale, numbers: Int32Array): Series {
  return new Aligned(series, scale, numbers);
}

class Aligned implements Series {
  readonly name: string;
  readonly steps: readonly number[];
  readonly heads: number;
  /** Made once of what is held, whose object stays the same. */
  private readonly known = new WeakMap<Float32Array, Float32Array>();

  constructor(
    private readonly other: Series,
    readonly scale: Scale,
    private readonly numbers: Int32Array,
  ) {
    this.name = other.name;
    this.steps = other.steps;
    this.heads = numbers.length;
  }

  at(step: number): Float32Array | null {
    const values = this.other.at(step);
    return values && this.byHeads(values);
  }

  get extremes(): Extremes | null {
    const { extremes } = this.other;
    if (!extremes) return null;
    const { low, high, lowAt, highAt } = extremes;
    return {
      ...extremes,
      low: this.byHeads(low),
      high: this.byHeads(high),
      lowAt: lowAt && this.byHeads(lowAt),
      highAt: highAt && this.byHeads(highAt),
    };
  }

  rangeOf(head: number | null): Range | null {
    if (head === null) return this.other.rangeOf(null);
    const number = this.numbers[head] ?? -1;
    return number < 0 ? null : this.other.rangeOf(number);
  }

  /** @param values [rows, heads of the other run]
   * @returns [rows, heads] */
  private byHeads(values: Float32Array): Float32Array {
    const found = this.known.get(values);
    if (found) return found;
    const { numbers, other } = this;
    const rows = other.heads === 0 ? 0 : values.length / other.heads;
    const own = new Float32Array(rows * numbers.length).fill(Number.NaN);
    for (let row = 0; row < rows; row++)
      numbers.forEach((number, head) => {
        if (number >= 0) own[row * numbers.length + head] = values[row * other.heads + number] ?? Number.NaN;
      });
    this.known.set(values, own);
    return own;
  }
}
