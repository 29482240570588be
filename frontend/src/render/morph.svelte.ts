/** Milliseconds in which a picture turns into the one that replaces it. */
const DURATION = 450;

/** The clock of a picture that turns into another one of the same step: other axes, another method, a late head. */
export class Morph {
  active = $state(false);
  /** 0: the old picture, 1: the new one; eased. */
  share = $state(1);
  private request = 0;

  /** @param motion whether anything may be animated; without it the new picture is there at once */
  constructor(
    private readonly motion: () => boolean,
    private readonly duration = DURATION,
  ) {}

  /** Returns whether there is anything to wait for. */
  begin(): boolean {
    this.stop();
    if (!this.motion()) return false;
    this.active = true;
    this.share = 0;
    let started: number | null = null;
    const frame = (now: number) => {
      started ??= now;
      const t = (now - started) / this.duration;
      if (t >= 1) return this.stop();
      this.share = t * t * (3 - 2 * t);
      this.request = requestAnimationFrame(frame);
    };
    this.request = requestAnimationFrame(frame);
    return true;
  }

  stop(): void {
    cancelAnimationFrame(this.request);
    this.active = false;
    this.share = 1;
  }
}
