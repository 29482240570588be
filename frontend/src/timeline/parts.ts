/** The other parts of a run that was begun again, beside the shown one: on one axis with it, so that the loss is seen through the break. */

/** A part as it is listed: a run of its own. */
export interface Listed {
  readonly run: string;
  readonly part_of?: string | null;
  readonly steps: readonly number[];
}

/** What is seen of another part: steps `from` to `to`, on `share` of the timeline that begins at `at`. Somewhere between the last record of one part and
 * the first of the next, steps `broken`, training was begun again. */
export interface Part {
  readonly run: string;
  readonly broken: readonly [from: number, to: number];
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly share: number;
}

/** The parts before the shown one and after it, in the order of the steps, and what share of the timeline each side takes. */
export interface Around {
  readonly parts: readonly Part[];
  readonly before: number;
  readonly after: number;
  /** The first and the last step that is seen. */
  readonly from: number;
  readonly to: number;
  /** The last step whose scalars are the shown part's: a later one that begins before it ends wrote those after again. */
  readonly until: number;
}

/** Where the other parts lie. The shown one keeps half of the timeline: of what reaches farther, the nearest steps are seen.
 * @param runs all that are listed; the newest part has the run's own name, and the others are behind it in their order */
export function partsAround(own: Listed, runs: readonly Listed[]): Around {
  const root = own.part_of ?? own.run;
  const parts = runs.filter(({ part_of, steps }) => part_of === root && steps.length > 0);
  const order = [...parts, ...runs.filter(({ run }) => run === root)];
  const place = order.findIndex(({ run }) => run === own.run);
  const [first, last] = spanOf(own);
  const again = Math.min(...order.slice(place + 1).map((part) => spanOf(part)[0]));
  const until = place < 0 || again > last ? Number.POSITIVE_INFINITY : lastBefore(own, again);
  const whole = { parts: [], before: 0, after: 0, from: first, to: last, until };
  if (place < 0 || last <= first) return whole;
  const earlier = order.slice(0, place).filter((part) => spanOf(part)[0] < first);
  const later = order.slice(place + 1).filter((part) => spanOf(part)[1] > last);
  const [low, high] = [
    Math.min(first, ...earlier.map((part) => spanOf(part)[0])),
    Math.max(last, ...later.map((part) => spanOf(part)[1])),
  ];
  const beyond = first - low + high - last;
  if (beyond <= 0) return whole;
  const seen = Math.min(1, (last - first) / beyond);
  const [from, to] = [first - seen * (first - low), last + seen * (high - last)];
  const span = to - from;
  const cut = (run: string, begin: number, end: number, broken: readonly [number, number]): Part[] => {
    const [left, right] = [Math.max(from, begin), Math.min(to, end)];
    const place = { from: left, to: right, at: (left - from) / span, share: (right - left) / span };
    return right > left ? [{ run, broken, ...place }] : [];
  };
  return {
    parts: [
      ...earlier.flatMap((part, i) => {
        const [begun] = spanOf(part);
        const next = Math.min(first, spanOf(earlier[i + 1] ?? own)[0]);
        return cut(part.run, begun, next, [lastBefore(part, next), next]);
      }),
      ...later.flatMap((part, i) => {
        const [begun, ended] = spanOf(part);
        const before = spanOf(later[i - 1] ?? own)[1];
        return cut(part.run, before, ended, [before, Math.max(before, begun)]);
      }),
    ],
    before: (first - from) / span,
    after: (to - last) / span,
    from,
    to,
    until,
  };
}

/** The last step of a part before another one; its first where there is none. */
function lastBefore({ steps }: Listed, step: number): number {
  return steps.findLast((one) => one < step) ?? steps[0] ?? 0;
}

function spanOf({ steps }: Pick<Listed, 'steps'>): readonly [number, number] {
  return [steps[0] ?? 0, steps.at(-1) ?? 0];
}
