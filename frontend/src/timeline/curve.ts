import type { Scale } from '../health/health';
import type { ScalarPoint } from '../run/scalars';

/** A scalar’s curve above the timeline: which one, from where to where, and what it says at a step. */

/** The scalar to steer by until the user chooses another: the training loss, any loss, or anything that is not ours. */
export function steeringTag(tags: readonly string[]): string | null {
  const losses = tags.filter((tag) => /loss/i.test(tag));
  const trained = losses.filter((tag) => !/eval|val|test|aux/i.test(tag));
  return trained[0] ?? losses[0] ?? tags.find((tag) => !tag.startsWith('attnviz/')) ?? null;
}

/** The points that lie on the timeline, with one more on either side, so that the curve runs to its ends. */
export function within(points: readonly ScalarPoint[], first: number, last: number): readonly ScalarPoint[] {
  const from = points.findLastIndex(({ step }) => step < first);
  const to = points.findIndex(({ step }) => step > last);
  return points.slice(Math.max(0, from), to < 0 ? points.length : to + 1);
}

/** Whether a logarithmic scale can show all of it. */
export function positive(points: readonly ScalarPoint[]): boolean {
  return points.some(finite) && points.filter(finite).every(({ value }) => value > 0);
}

export function scaleOf(points: readonly ScalarPoint[], logarithmic: boolean): Scale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { value } of points.filter(finite)) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high, logarithmic } : { low: 0, high: 1, logarithmic: false };
}

/** How many times longer than usual nothing was written, where that tells that training had ended in between. */
const PAUSE = 3;

/** The step of the first point that was written after training had been begun again, somewhere after one step and up to
 * another: after the longest pause between two points there; the last one where none is long. */
export function begunAgain(points: readonly ScalarPoint[], after: number, upTo: number): number {
  const pauses = points
    .slice(1)
    .map(({ step, time = 0 }, i) => ({ step, lasts: time - (points[i]?.time ?? 0) }));
  const usual = pauses.map(({ lasts }) => lasts).sort((a, b) => a - b)[pauses.length >> 1] ?? 0;
  const longest = pauses
    .filter(({ step }) => step > after && step <= upTo)
    .reduce((found, pause) => (pause.lasts > found.lasts ? pause : found), {
      step: upTo,
      lasts: PAUSE * usual,
    });
  return longest.step;
}

/** An SVG path; broken where a value is not finite and before the first point at each of some steps, and a value without
 * neighbours is still a dot. */
export function pathOf(
  points: readonly ScalarPoint[],
  x: (step: number) => number,
  y: (value: number) => number,
  broken: readonly number[] = [],
): string {
  let path = '';
  let pen = 'M';
  let before = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (broken.some((step) => before < step && point.step >= step)) pen = 'M';
    before = point.step;
    if (!finite(point)) {
      pen = 'M';
      continue;
    }
    path += `${pen}${x(point.step).toFixed(1)} ${y(point.value).toFixed(1)}${pen === 'M' ? 'h0' : ''}`;
    pen = 'L';
  }
  return path;
}

/** The point nearest to a step; of two equally near ones the earlier. */
export function nearestPoint(points: readonly ScalarPoint[], step: number): ScalarPoint | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.step ?? 0) < step) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [points[low - 1], points[low]];
  if (!before || !after) return before ?? after ?? null;
  return step - before.step <= after.step - step ? before : after;
}

function finite({ value }: ScalarPoint): boolean {
  return Number.isFinite(value);
}
