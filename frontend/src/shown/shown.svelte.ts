import { untrack } from 'svelte';
import type { Playback } from '../playback/playback.svelte';
import { Morph } from '../render/morph.svelte';
import { headsOf } from '../render/positions';
import type { Feature } from '../run/feature';
import type { PointsQuery } from '../run/pictures';
import { addressKey } from '../run/projection';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import type { Axes } from './axes.svelte';
import { isOutOfFrame } from './out_of_frame';
import {
  type Asked,
  nearest,
  type Pair,
  replaces,
  type StandIn,
  sameView,
  standsIn,
  stepBehind,
  withoutStandIns,
} from './pair';
import { PointNames } from './point_names';
import { isSingle, type Question, questionsAt, type Wish } from './questions';
import { type Awaited, settled } from './ready';
import { MOST_STAND_INS, standInQueries, standIns } from './stand_ins';
import { shownTimeSpan, type TimeSpan } from './time_span';

/** Whose points a scene shows, in which axes, and where the timeline's hand is. */
export interface ShownNeeds extends Awaited {
  readonly data: { readonly run: Run | null; readonly source?: Pick<DataSource, 'offers'> };
  readonly axes: Pick<Axes, 'projection' | 'frame' | 'stopped'>;
  readonly playback: Pick<Playback, 'steps' | 'from' | 'to' | 'index' | 'between'>;
  readonly reducedMotion: boolean;
}

/** Checkpoints whose questions are remembered: one has as many as there are layers, or heads. */
const KNOWN = 128;

/** The two steps that a scene mixes. When others are asked for, the old ones stay until all layers have come: a
 * picture never mixes layers of different steps. Only the first picture fills in layer by layer, and the slow
 * projections head by head: there each head keeps its old picture, and is marked, until its own has come.
 * What is replaced at the same step turns into its successor. */
export class ShownSteps implements Feature {
  pair = $state.raw<Pair | null>(null);
  readonly morph: Morph;
  private heldMix = 0;
  private readonly names = new PointNames();

  constructor(
    private readonly session: ShownNeeds,
    private readonly wish: () => Wish | null,
    private readonly course: TimeSpan = shownTimeSpan(session),
  ) {
    this.morph = new Morph(() => !session.reducedMotion);
    $effect.pre(() => this.follow());
    $effect(() => () => this.morph.stop());
  }

  /** Whether heads are asked for one at a time. */
  private readonly single: boolean = $derived.by(() =>
    isSingle(this.session.axes.projection, this.wish()?.alone ?? null),
  );

  /** Nothing of what is drawn may stand in for what is asked for anew. */
  forget(): void {
    this.morph.stop();
    this.next = null;
    this.pair = null;
  }

  /** Queries for the given checkpoints, one step after the other. */
  queries(indices: readonly number[], fit?: 'newest'): PointsQuery[] {
    return indices.flatMap((index) => this.questions(index, fit).map(({ query }) => query));
  }

  /** Each query for a checkpoint, with the numbers of the heads among ours that it answers for. */
  questions(index: number, fit?: 'newest'): readonly Question[] {
    const { known } = this.asking;
    const key = `${index} ${fit ?? ''}`;
    const questions = known.get(key) ?? questionsAt(this.asking, index, fit);
    known.delete(key); // a Map lists its keys in the order of insertion: this one is the youngest now
    known.set(key, questions);
    for (const oldest of known.keys()) {
      if (known.size <= KNOWN) break;
      known.delete(oldest);
    }
    return questions;
  }

  /** What all questions have in common; those that were asked before are kept as long as it stays. */
  private readonly asking = $derived.by(() => {
    const { frame, projection } = this.session.axes;
    const { run, steps, inFrameOf } = this.course;
    const known = new Map<string, readonly Question[]>();
    return { frame, projection, run, steps, inFrameOf, wish: this.wish(), known };
  });

  /** Axes that are there at once, while nothing can be drawn in the full frame's yet. */
  preliminaryQueries(): PointsQuery[] {
    const { loader } = this.session;
    if (this.single) return [];
    const ends = this.ends;
    // One layer that has to wait says that all will.
    if (!this.queries(ends).some((query) => loader.progressOf(query) !== null)) return [];
    return ends.flatMap((index) =>
      this.questions(index).flatMap(({ query, numbers }) => {
        if (loader.settled(query)) return [];
        const { pair } = this;
        const drawn = numbers.some((number) => pair?.to.heads[number]);
        return drawn && !pair?.asked.preliminary ? [] : [{ ...query, fit: 'newest' } as const];
      }),
    );
  }

  /** Biplots, to be seen until the slow pictures are here. */
  standInQueries(): PointsQuery[] {
    const { loader, data } = this.session;
    const heads = this.wish()?.heads ?? [];
    if (!this.single || this.wish()?.alone || data.source?.offers || heads.length > MOST_STAND_INS) return [];
    return standInQueries(
      this.questions(this.course.to).map(({ query }) => query),
      loader,
    );
  }

  readonly mix: number = $derived.by(() => {
    const { mix } = this.course;
    if (this.morph.active) return this.morph.share;
    return this.pair !== null && this.pair.asked === this.asked ? mix : this.heldMix;
  });

  /** Everything asked for is here, or has failed, and is in the picture. */
  readonly settled: boolean = $derived.by(() => {
    if (this.asked === null) return true;
    return this.arrived(this.ends) && this.pair?.asked === this.asked && !this.morph.active;
  });

  get busy(): boolean {
    return !this.settled;
  }

  /** The step that is still drawn while the shown one is on its way; null where that is drawn. */
  readonly behind: number | null = $derived.by(() => stepBehind(this.pair, this.asked, this.heldMix));

  /** Whether all heads that it shows have their own picture of the shown step. */
  readonly pictured: boolean = $derived.by(() => {
    const { loader, playback } = this.session;
    return this.queries([playback.index]).every((query) => loader.points(query) !== null);
  });

  /** How many heads of the shown step no longer fit their frame. */
  readonly outgrown: number = $derived.by(() => {
    const { own } = this;
    const { frame } = this.session.axes;
    if (!own || frame === null || own.toStep <= frame) return 0;
    return own.to.heads.filter((points) => points !== null && isOutOfFrame(points)).length;
  });

  /** The checkpoints that are mixed. */
  get ends(): readonly number[] {
    const { from, to } = this.course;
    return from === to ? [from] : [from, to];
  }

  arrived(indices: readonly number[]): boolean {
    return this.queries(indices).every((query) => settled(this.session, query));
  }

  private readonly asked: Asked | null = $derived.by(() => {
    const { loader, data } = this.session;
    const { frame, projection } = this.session.axes;
    const { run, steps, from, to, inFrameOf } = this.course;
    const wish = this.wish();
    const [fromStep, toStep] = [steps[from], steps[to]];
    if (!run || !data.run || !wish || frame === null || fromStep === undefined || toStep === undefined)
      return null;
    const before = this.held(from);
    const after = to === from ? before : this.held(to);
    let preliminary = false;
    if (!this.single && loader.progress.size > 0) {
      // Both ends of a head are in the same axes.
      const early = this.held(from, 'newest');
      const late = to === from ? early : this.held(to, 'newest');
      for (let i = 0; i < wish.heads.length; i++) {
        if ((before[i] && after[i]) || !early[i] || !late[i]) continue;
        preliminary = true;
        before[i] = early[i] ?? null;
        after[i] = late[i] ?? null;
      }
    }
    const [only] = wish.heads.length === 1 ? wish.heads : [];
    const place = `${run.run}|${only ? `L${only.layer} H${only.head}` : wish.heads.length}`;
    const address = `${addressKey(projection)}|${wish.alone?.id ?? ''}`;
    return {
      place,
      address,
      dims: wish.dims,
      fromStep,
      toStep,
      from: before,
      to: after,
      frame: `${place}|${wish.dims}|${address}|${frame}|${inFrameOf ?? ''}`,
      complete: this.arrived([from, to]) || (before.every(Boolean) && after.every(Boolean)),
      single: this.single,
      seen: wish.seen ?? null,
      standIns: standIns(this.standInQueries(), wish.heads, data.run, loader),
      method: projection.method,
      preliminary,
    };
  });

  /** What is here of a checkpoint, head by head. */
  held(index: number, fit?: 'newest'): (Float32Array | null)[] {
    const { loader, data } = this.session;
    const heads = this.wish()?.heads ?? [];
    const found = new Array<Float32Array | null>(heads.length).fill(null);
    for (const { query, numbers } of this.questions(index, fit)) {
      const all = loader.points(query);
      if (!all) continue;
      const parts = this.single ? [all] : headsOf(all, data.run?.layers[query.layer]?.heads ?? 1);
      for (const number of numbers) {
        found[number] = parts[this.single ? 0 : (heads[number]?.head ?? 0)] ?? null;
      }
    }
    return found;
  }

  /** Whether what is drawn stands in for what is asked for. */
  readonly stale: boolean = $derived.by(() => {
    const { pair, asked } = this;
    return pair !== null && asked !== null && (pair.late.size > 0 || pair.asked.address !== asked.address);
  });

  /** What is drawn, of heads that have their own picture: nothing that stands in for what is asked for. */
  readonly own: Pair | null = $derived.by(() => {
    const { pair, asked } = this;
    if (pair === null || pair.asked.address !== asked?.address) return null;
    return pair.late.size > 0 ? withoutStandIns(pair) : pair;
  });

  private follow(): void {
    const { asked } = this;
    const { mix } = this.course;
    const { active } = this.morph;
    untrack(() => {
      if (asked === null) return this.forget();
      const waits = active && this.pair !== null && sameView(this.pair.asked, asked);
      if (!waits) this.take(asked, mix);
    });
  }

  /** What a morph leads to. */
  private next: Pair | null = null;

  private take(asked: Asked, mix: number): void {
    if (this.pair?.asked === asked && this.next === null) {
      this.heldMix = mix;
      return;
    }
    this.morph.stop();
    if (this.next) this.pair = this.next;
    this.next = null;
    const held = this.pair && standsIn(this.pair, asked) ? this.pair : null;
    const partly = asked.single && held?.asked.address === asked.address && held.dims === asked.dims;
    if (held && !asked.complete && !partly && !sameView(held.asked, asked)) return;
    const next = this.compose(asked, partly ? held : null);
    const [old, young] = [held && nearest(held, this.heldMix), nearest(next, mix)];
    this.heldMix = mix;
    this.pair = next;
    if (old === null || !replaces(held, next, old.heads, young.heads)) return;
    if (!this.morph.begin()) return;
    this.next = next;
    this.pair = { ...next, from: old, to: young };
  }

  /** The picture of what is here; slow heads that are not keep the picture that `held` has of them, or have their biplot. */
  private compose(asked: Asked, held: Pair | null): Pair {
    const late = new Map<number, StandIn>();
    const { seen } = asked;
    const from = [...asked.from];
    const to = [...asked.to];
    const old = held && nearest(held, this.heldMix);
    const oldStep = held && (this.heldMix < 0.5 ? held.fromStep : held.toStep);
    for (let i = 0; i < from.length; i++) {
      if (from[i] || to[i] || seen?.has(i) === false) continue;
      // A biplot stands in for the step that it is of, and for no other one.
      const own = held?.late.get(i) === 'biplot' ? null : (old?.heads[i] ?? null);
      const points = own ?? asked.standIns[i] ?? null;
      from[i] = points;
      to[i] = points;
      late.set(i, points === null ? null : own === null ? 'biplot' : (held?.late.get(i) ?? oldStep));
    }
    const { dims, fromStep, toStep, frame } = asked;
    const before = this.names.named(`${frame}|${fromStep}`, from);
    const after = fromStep === toStep ? before : this.names.named(`${frame}|${toStep}`, to);
    return { asked, dims, fromStep, toStep, from: before, to: after, late };
  }
}
