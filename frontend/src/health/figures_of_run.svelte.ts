import { Latest } from '../run/latest.svelte';
import type { DataSource } from '../run/source';
import type { HealthSteps } from '../run/types';
import { headsOf, type WholeHealth } from '../run/whole_health';
import { extremesIn, rangeIn, type Series, scaleOver, wholeSeries } from './health';
import { type Piece, Pieces } from './pieces.svelte';

type Source = Pick<DataSource, 'healthSteps' | 'healthRows' | 'healthFigure' | 'healthRange'>;

/** Numbers up to which all figures of a run are held whole: 4 MB. */
const WHOLE = 2 ** 20;
/** Numbers of the exact figures that are asked for at once where they are not. */
const BLOCK = 2 ** 18;
/** Of a figure over all steps: buckets at most, numbers at most, and steps up to which each is a bucket of its own. */
const BUCKETS = 1024;
const NUMBERS = 2 ** 21;
/** Pieces that are held beside those that are looked at. */
const BLOCKS = 32;
const FIGURES = 4;
const HEADS = 8;

/** What is looked at. */
export interface Wanted {
  readonly steps: readonly number[];
  /** Over all steps. */
  readonly figures: readonly string[];
  readonly head: number | null;
}

/** A run's health figures, as far as they are looked at: a short run's whole; of a long one exact figures around the steps that
 * are looked at, and over all steps what a screen can show. */
export class FiguresOfRun {
  /** Which steps there are. */
  readonly index = new Latest<HealthSteps>();
  /** How often a resumed training was found to have written steps again that were known. */
  rewritten = $state(0);
  private readonly blocks = new Pieces(BLOCKS);
  private readonly extremes = new Pieces(FIGURES);
  private readonly ranges = new Pieces(HEADS);
  private source: Source | null = null;

  private readonly layout: Layout | null = $derived(this.index.value && layoutOf(this.index.value));

  /** Null while nothing is known yet. */
  readonly figures: ReadonlyMap<string, Series> | null = $derived.by(() => {
    const { layout } = this;
    if (!layout) return null;
    const { index, fine } = layout;
    if (index.rows === 0) return new Map();
    if (layout.whole) {
      const rows = this.blocks.get('whole');
      return rows && wholeSeries({ ...index, steps: index.steps.slice(0, rows.to), values: rows.data });
    }
    const all = this.ranges.get(rangeKey(null, fine));
    return all && new Map(index.figures.map((name) => [name, this.seriesOf(layout, name, all)]));
  });

  get error(): string | null {
    return this.index.error ?? this.blocks.error ?? this.extremes.error ?? this.ranges.error;
  }

  get loading(): boolean {
    return this.index.loading || this.blocks.loading || this.extremes.loading || this.ranges.loading;
  }

  /** Asks which steps there are now. */
  update(source: Source, run: string): void {
    if (this.index.value && this.index.value.run !== run) this.clear(); // nothing of another run under this one's name
    this.source = source;
    const known = this.index.value;
    void this.index.load(async (signal) => {
      const newer = await source.healthSteps(run, known && { from: known.rows, known: known.digest }, signal);
      if (known && newer.digest === known.digest) return known;
      if (known && newer.from === known.rows)
        return { ...newer, from: 0, steps: [...known.steps, ...newer.steps] };
      signal.throwIfAborted(); // it must not forget what came since
      this.index.value = null; // else what was known would be asked for once more, before this is here
      this.forget(); // a restart has written some again
      if (known) this.rewritten++;
      return { ...newer, from: 0 };
    });
  }

  /** Loads what is looked at; to be called in an effect. */
  want({ steps, figures, head }: Wanted): void {
    const { layout, source } = this;
    if (!layout || !source) return;
    const { index, every, fine } = layout;
    const { run, rows, digest: known } = index;
    const asked = { run, rows, known };
    this.blocks.want(
      new Map(
        layout.blocksOf(steps).map(([key, begin, end]) => {
          const load = async (held: Piece | null, signal: AbortSignal) => {
            const from = held?.to ?? begin; // what is there stays as it is where more comes
            const { data } = await source.healthRows({ ...asked, from, to: end }, signal);
            return { to: end, data: extended(held?.data, data, 1, (from - begin) * layout.row) };
          };
          return [key, { to: end, load }];
        }),
      ),
    );
    if (layout.whole) return;
    this.extremes.want(
      new Map(
        figures.flatMap((figure) => {
          if (!index.figures.includes(figure)) return [];
          const load = async (held: Piece | null, signal: AbortSignal) => {
            const from = every * Math.floor((held?.to ?? 0) / every); // the last bucket may get more
            const { data } = await source.healthFigure({ ...asked, from, to: rows, figure, every }, signal);
            const parts = every === 1 ? 1 : 4;
            return { to: rows, data: extended(held?.data, data, parts, (from / every) * layout.heads) };
          };
          return [[extremesKey(figure, every), { to: rows, load }]];
        }),
      ),
    );
    this.ranges.want(
      new Map(
        (head === null ? [null] : [null, head]).map((number) => {
          const load = async (held: Piece | null, signal: AbortSignal) => {
            const from = fine * Math.floor((held?.to ?? 0) / fine);
            const query = { ...asked, from, to: rows, every: fine, ...(number !== null && { head: number }) };
            const { data } = await source.healthRange(query, signal);
            return { to: rows, data: extended(held?.data, data, 2 * index.figures.length, from / fine) };
          };
          return [rangeKey(number, fine), { to: rows, load }];
        }),
      ),
    );
  }

  /** Every figure of every row, for a table. [rows, figures, heads] */
  async table(onDone: (share: number) => void, signal: AbortSignal): Promise<WholeHealth | null> {
    const { layout, source } = this;
    if (!layout || !source) return null;
    const { run, rows, digest: known } = layout.index;
    const values = new Float32Array(rows * layout.row);
    const each = Math.max(1, Math.floor(WHOLE / layout.row));
    for (let from = 0; from < rows; from += each) {
      const query = { run, rows, known, from, to: Math.min(rows, from + each) };
      values.set((await source.healthRows(query, signal)).data, from * layout.row);
      onDone(query.to / rows);
    }
    return { ...layout.index, values };
  }

  retry(): void {
    if (this.index.error !== null) void this.index.retry();
    for (const pieces of [this.blocks, this.extremes, this.ranges]) pieces.retry();
  }

  clear(): void {
    this.index.clear();
    this.forget();
  }

  private seriesOf(layout: Layout, name: string, all: Piece): Series {
    const { index, every, fine, heads } = layout;
    const number = index.figures.indexOf(name);
    const range = ({ data }: Piece) => rangeIn(data, number, fine, data.length / (2 * index.figures.length));
    const held = (key: string) => this.extremes.get(key);
    const { blocks, ranges } = this;
    return {
      name,
      steps: index.steps,
      heads,
      scale: scaleOver(name, range(all)),
      at(step) {
        const [block] = layout.blocksOf([step]);
        const piece = block && blocks.get(block[0]);
        const row = (layout.rowOf.get(step) ?? 0) - (block?.[1] ?? 0);
        const begin = row * layout.row + number * heads;
        return piece && begin < piece.data.length ? viewOf(piece.data, begin, heads) : null;
      },
      get extremes() {
        const piece = held(extremesKey(name, every));
        return piece && extremesIn(piece.data, every, heads);
      },
      rangeOf(head) {
        const piece = ranges.get(rangeKey(head, fine));
        return piece && range(piece);
      },
    };
  }

  private forget(): void {
    for (const pieces of [this.blocks, this.extremes, this.ranges]) pieces.clear();
  }
}

/** How finely a run's figures are held. */
interface Layout {
  readonly index: HealthSteps;
  readonly rowOf: ReadonlyMap<number, number>;
  readonly heads: number;
  /** Numbers of a row. */
  readonly row: number;
  readonly whole: boolean;
  /** Rows of a bucket, where all heads are held and where one is. */
  readonly every: number;
  readonly fine: number;
  /** Which blocks hold these steps: key, first row, and the one after the last. */
  blocksOf(steps: readonly number[]): readonly (readonly [key: string, begin: number, end: number])[];
}

function layoutOf(index: HealthSteps): Layout {
  const heads = headsOf(index.heads);
  const { rows } = index;
  const row = index.figures.length * heads;
  const whole = rows * row <= WHOLE;
  const each = Math.max(1, Math.floor(BLOCK / Math.max(1, row)));
  const rowOf = new Map(index.steps.map((step, i) => [step, i]));
  const fits = (every: number) =>
    Math.ceil(rows / every) <= BUCKETS && (every === 1 ? 1 : 4) * Math.ceil(rows / every) * heads <= NUMBERS;
  return {
    index,
    rowOf,
    heads,
    row,
    whole,
    every: powerOfTwo(fits),
    fine: powerOfTwo((every) => Math.ceil(rows / every) <= BUCKETS),
    blocksOf(steps) {
      if (whole) return rows > 0 ? [['whole', 0, rows]] : [];
      const numbers = steps.flatMap((step) => {
        const at = rowOf.get(step);
        return at === undefined ? [] : [Math.floor(at / each)];
      });
      return [...new Set(numbers)].map((number) => [
        `${each} ${number}`,
        number * each,
        Math.min(rows, (number + 1) * each),
      ]);
    },
  };
}

/** The first power of two that does; of one beyond all that a run could need, that. */
function powerOfTwo(does: (every: number) => boolean): number {
  let every = 1;
  while (!does(every) && every < 2 ** 24) every *= 2;
  return every;
}

function extremesKey(figure: string, every: number): string {
  return `${every} ${figure}`;
}

function rangeKey(head: number | null, every: number): string {
  return `${every} ${head ?? 'all'}`;
}

/** `parts` arrays one after the other, each of them kept up to number `from` and followed by its part of what is newer. */
function extended(
  held: Float32Array | undefined,
  newer: Float32Array,
  parts: number,
  from: number,
): Float32Array {
  if (!held || from === 0) return newer;
  const [old, more] = [held.length / parts, newer.length / parts];
  const all = new Float32Array(parts * (from + more));
  for (let part = 0; part < parts; part++) {
    all.set(held.subarray(part * old, part * old + from), part * (from + more));
    all.set(newer.subarray(part * more, (part + 1) * more), part * (from + more) + from);
  }
  return all;
}

const views = new WeakMap<Float32Array, Map<number, Float32Array>>();

/** A part of an array, the same object each time. */
function viewOf(data: Float32Array, begin: number, length: number): Float32Array {
  const known = views.get(data) ?? new Map<number, Float32Array>();
  views.set(data, known);
  const view = known.get(begin) ?? data.subarray(begin, begin + length);
  known.set(begin, view);
  return view;
}
