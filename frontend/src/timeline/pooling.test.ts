import { expect, it } from 'vitest';
import { extremesIn, type Series, share } from '../health/health';
import { readHealth } from '../health/shown_health.fixture.svelte';
import { LIGHT, tintCells } from '../render/colours';
import { figureOf } from '../run/whole_health';
import { BLANK, pooled, type StripPicture, stripColours } from './pooling';
import { columnsOf, toldAt } from './strip';

const SCALE = { low: 0, high: 1, logarithmic: false };

/** @param rows [steps, heads], from 0 to 1, at steps 0, 100, … */
function seriesOf(rows: readonly (readonly number[])[]): Series {
  const figures = { entropy: rows.map((row) => row.map((value) => (Number.isNaN(value) ? 'NaN' : value))) };
  const steps = rows.map((_, i) => 100 * i);
  const own = readHealth({ run: 'a', steps, heads: [rows[0]?.length ?? 0], figures }).get('entropy')!;
  return {
    name: 'entropy',
    steps,
    heads: own.heads,
    scale: SCALE,
    extremes: own.extremes,
    at: (step) => own.at(step),
    rangeOf: () => null,
  };
}

/** The same in buckets. */
function inBuckets(rows: readonly (readonly number[])[], every: number): Series {
  const own = seriesOf(rows);
  const whole = { run: 'a', steps: own.steps, heads: [own.heads], figures: ['entropy'], digest: '' };
  const values = Float32Array.from(rows.flat());
  const asked = {
    run: 'a',
    known: '',
    rows: rows.length,
    from: 0,
    to: rows.length,
    figure: 'entropy',
    every,
  };
  return {
    ...own,
    at: () => null,
    extremes: extremesIn(figureOf({ ...whole, values }, asked).data, every, own.heads),
  };
}

/** Of all heads in one band, in this order, without room at the timeline's ends. */
function draw(series: Series, width: number, height: number, numbers: readonly number[]): StripPicture {
  const columns = columnsOf(series.steps, series, width, 0);
  const making = pooled({
    series,
    extremes: series.extremes!,
    bands: [{ top: 0, height, numbers }],
    columns,
    width,
    height,
  });
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
  }
}

it('has the very colours of the cells, and nothing where nothing is known', () => {
  const series = seriesOf([
    [0.2, 0.9],
    [Number.NaN, 0.4],
  ]);
  const picture = draw(series, 4, 2, [1, 0]);
  const values = [0.9, 0.9, 0.4, 0.4, 0.2, 0.2, Number.NaN, Number.NaN];
  const colours = tintCells(
    LIGHT,
    Float64Array.from(values, (value) => share(series.scale, value)),
  );
  const drawn = stripColours(picture, LIGHT);
  for (const [i, value] of values.entries()) {
    const [own, cell] = [drawn.subarray(4 * i, 4 * i + 4), colours.subarray(4 * i, 4 * i + 4)];
    if (Number.isNaN(value)) expect([...own]).toEqual([0, 0, 0, 0]);
    else
      for (const [c, byte] of own.entries()) expect(Math.abs(byte - (cell[c] ?? 0))).toBeLessThanOrEqual(1);
  }
  expect([...picture.shown]).toEqual([1, 1, 3, 3, 0, 0, 2, 2]);
});

it('shows on a pixel of many the value farthest from the mean of all, and whose it is', () => {
  const quiet = Array.from({ length: 40 }, () => new Array<number>(20).fill(0.6));
  const rows = quiet.map((row) => [...row]);
  (rows[17] as number[])[13] = 0.05; // one head collapses at one step of forty
  const { shown, levels } = draw(seriesOf(rows), 4, 5, [...rows[0]!.keys()]);
  const low = [...levels].filter((level) => level < 300);
  expect(low).toHaveLength(1);
  expect(shown[[...levels].findIndex((level) => level < 300)]).toBe(17 * 20 + 13);
});

it('does not lose a value among pixels that know nothing', () => {
  const rows = Array.from({ length: 10 }, () => [Number.NaN, Number.NaN]);
  (rows[4] as number[])[1] = 0.5;
  const { levels } = draw(seriesOf(rows), 2, 1, [0, 1]);
  expect([...levels].filter((level) => level !== BLANK)).toHaveLength(1);
});

it('draws the lines between layers, and pauses between steps and rows', () => {
  const series = seriesOf([[0, 1]]);
  const bands = [
    { top: 0, height: 1, numbers: [0] },
    { top: 2, height: 1, numbers: [1] },
  ];
  const making = pooled({
    series,
    extremes: series.extremes!,
    bands,
    columns: columnsOf([0], series, 1, 1),
    width: 1,
    height: 3,
  });
  let pauses = 0;
  for (;;) {
    const { done, value } = making.next();
    if (!done) {
      pauses++;
      continue;
    }
    const border = LIGHT.border.map((x) => Math.round(255 * x));
    expect([...stripColours(value, LIGHT).subarray(4, 8)]).toEqual([...border, 255]);
    expect(value.shown[1]).toBe(-1);
    break;
  }
  expect(pauses).toBe(3); // one step, two rows
});

it('shows the same of steps that share a bucket, and at which of them it was', () => {
  const rows = Array.from({ length: 40 }, (_, step) => [0.5, 0.5 + (step % 5) / 50, 0.5]);
  rows[17] = [0.5, 0.5, 0.05];
  rows[30] = [0.95, 0.5, 0.5];
  const series = inBuckets(rows, 8);
  const picture = draw(series, 5, 3, [0, 1, 2]);
  expect(picture.shown[2 * 5 + 2]).toBe(17 * 3 + 2);
  expect(picture.shown[3]).toBe(30 * 3 + 0);
  expect(toldAt(picture.plan, 2, 1700)).toBe('5.0 %');
  expect(toldAt(picture.plan, 2, 1800)).toBe('5.0 % to 50 % around it'); // its own value is not here
  expect(toldAt(picture.plan, 0, 1800)).toBe('50 %'); // all in its bucket are the same
});
