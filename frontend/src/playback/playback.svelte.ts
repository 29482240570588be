import { type Between, between, clamp, placeOfStep } from '../base/steps';
import type { Feature } from '../run/feature';
import { checkpoint, choice, codec, type Settings, settings } from '../run/setting';
import { formatLoop, type Lap, type Loop, lapOf, loopBetween, loopFrom, loopTo, parseLoop } from './loop';

/** Checkpoints a second. */
export const SPEEDS = [0.5, 1, 2, 4, 8] as const;
const USUAL_SPEED = 2;
/** Milliseconds of the move to a neighbouring checkpoint. */
const GLIDE = 320;
/** Seconds for which Play rests at the end of a loop, so that the eye sees where it leaps from. */
const REST = 0.5;

/** Where on the timeline the views are, and how that changes over time. */
export class Playback implements Feature {
  steps = $state.raw<readonly number[]>([]);
  place = $state(0);
  playing = $state(false);
  speed = $state<number>(USUAL_SPEED);
  /** Whether a new checkpoint takes the views along: so until the user goes elsewhere. */
  following = $state(true);
  /** The checkpoint that the views are moving to. */
  target = $state<number | null>(null);
  /** What Play goes round and round; null: it runs to the newest step and stops. */
  loop = $state.raw<Loop | null>(null);
  readonly settings: Settings = settings<Playback>(this, {
    pinned: checkpoint.or(null).as('step'),
    speed: choice(SPEEDS),
    loop: codec(parseLoop, formatLoop),
  });
  private last: number | null = null;
  private rested = 0;

  readonly between: Between = $derived(between(this.place, this.steps.length));
  /** Its two checkpoints: what needs no more than these is not made again at every frame of a move. */
  readonly from: number = $derived(this.between.from);
  readonly to: number = $derived(this.between.to);
  /** Number of the checkpoint nearest to the place. */
  readonly index: number = $derived(Math.round(clamp(this.place, Math.max(1, this.steps.length))));
  readonly step: number | null = $derived(this.steps[this.index] ?? null);
  readonly lap: Lap | null = $derived(lapOf(this.loop, this.steps));

  /** @param motion whether moves may be animated */
  constructor(private readonly motion: () => boolean) {}

  /** Moves while there is anything to do, frame by frame; to be called while a component is made.
   * @param has whether a checkpoint's points are here */
  animate(has: (index: number) => boolean): void {
    $effect(() => {
      if (!this.moving) return;
      const frame = (now: number) => {
        this.tick(now, has);
        request = requestAnimationFrame(frame);
      };
      let request = requestAnimationFrame(frame);
      return () => cancelAnimationFrame(request);
    });
  }

  /** Takes a run's checkpoints; a step that is still among them stays where it is. */
  setSteps(steps: readonly number[]): void {
    const place = this.place;
    const kept = this.step;
    const goal = this.target === null ? -1 : steps.indexOf(this.steps[this.target] ?? Number.NaN);
    this.steps = steps;
    if (steps.length === 0 || kept === null) this.place = Math.max(0, steps.length - 1);
    else if (steps[this.index] !== kept) this.place = placeOfStep(steps, kept);
    else this.place = clamp(place, steps.length);
    if (goal < 0 && this.target !== null) this.place = this.index; // nowhere to move to
    this.target = goal < 0 ? null : goal;
    if (this.following && steps.length > 0) this.glide(steps.length - 1);
  }

  /** The user goes to a place. */
  go(place: number): void {
    this.playing = false;
    this.target = null;
    this.place = clamp(place, this.steps.length);
    this.following = this.place === this.steps.length - 1;
  }

  /** The step that a link names; null while the views follow the newest one. */
  get pinned(): number | null {
    return this.following || this.playing ? null : this.step;
  }

  set pinned(step: number | null) {
    if (this.steps.length > 0) this.go(step === null ? this.steps.length - 1 : this.steps.indexOf(step));
  }

  /** The user lets go between two checkpoints, or asks for the next one. */
  glideTo(index: number): void {
    this.playing = false;
    const held = clamp(index, this.steps.length);
    this.following = held === this.steps.length - 1;
    this.glide(held);
  }

  settle(): void {
    this.glideTo(Math.round(this.place));
  }

  toggle(): void {
    this.playing = !this.playing;
    if (!this.playing) {
      this.settle();
      return;
    }
    this.target = null;
    this.following = false;
    this.rested = 0;
    const { from, to } = this.lap ?? { from: 0, to: this.steps.length - 1 };
    if (this.place >= to || (this.lap && this.place < from)) this.place = from;
  }

  leave(): void {
    this.loop = null;
  }

  /** The user chooses what to loop over: between two checkpoints, or with one end at the shown one. */
  loopOver(a: number, b: number): void {
    this.loop = loopBetween(this.steps, clamp(a, this.steps.length), clamp(b, this.steps.length));
  }

  loopHere(end: 'from' | 'to'): void {
    this.loop = (end === 'from' ? loopFrom : loopTo)(this.steps, this.lap, this.index);
  }

  /** The checkpoints that Play will show next. */
  upcoming(count: number): number[] {
    const { from, to } = this.lap ?? { from: 0, to: this.steps.length - 1 };
    const next = this.between.to + 1;
    return Array.from({ length: count }, (_, i) => {
      const over = next + i - to - 1;
      return this.lap && over >= 0 ? Math.min(to, from + over) : next + i;
    });
  }

  get busy(): boolean {
    return this.moving;
  }

  /** Whether `tick` has anything to do. */
  get moving(): boolean {
    return this.playing || this.target !== null;
  }

  /** One frame. `has` says whether a checkpoint's points are here; without them the hand waits. */
  tick(now: number, has: (index: number) => boolean): void {
    const passed = Math.min(100, now - (this.last ?? now));
    this.last = this.moving ? now : null;
    if (this.playing) this.play(passed / 1000, has);
    else if (this.target !== null) this.approach(passed, has);
  }

  private play(seconds: number, has: (index: number) => boolean): void {
    const next = Math.floor(this.place) + 1;
    if (this.lap && this.place >= this.lap.to) {
      this.rested += seconds;
      if (this.rested < REST || !has(this.lap.from)) return;
      this.rested = 0;
      this.place = this.lap.from;
      return;
    }
    if (next >= this.steps.length) {
      this.playing = false;
      this.following = true;
      return;
    }
    if (!has(next) || !has(next - 1)) return;
    if (this.motion()) {
      this.place = Math.min(next, this.place + this.speed * seconds);
      return;
    }
    // Without motion, Play jumps from checkpoint to checkpoint at the same pace.
    this.rested += seconds;
    if (this.rested * this.speed < 1) return;
    this.rested = 0;
    this.place = next;
  }

  private glide(index: number): void {
    const far = Math.abs(index - this.place) > 1;
    if (far || !this.motion() || index === this.place) {
      this.place = index;
      this.target = null;
    } else {
      this.target = index;
    }
  }

  private approach(milliseconds: number, has: (index: number) => boolean): void {
    const target = this.target ?? this.place;
    if (!has(target)) return;
    const step = milliseconds / GLIDE;
    const left = target - this.place;
    if (Math.abs(left) <= step) {
      this.place = target;
      this.target = null;
    } else {
      this.place += Math.sign(left) * step;
    }
  }
}
