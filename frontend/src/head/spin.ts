import { type Orbit, turn } from '../render/orbit';

/** Radians of a turn for each css pixel of a drag, and what a turn keeps of its speed from frame to frame. */
const TURN = 0.004;
const DAMPING = 0.9;
/** Radians a frame below which it rests. */
const STILL = 0.0005;

/** A 3-D picture under the hand: it turns with a drag, and on a little when it is let go. */
export class Spin {
  private yaw = 0;
  private tilt = 0;
  private request = 0;

  /** @param motion whether it may turn on by itself */
  constructor(
    private readonly picture: { orbit: Orbit },
    private readonly motion: () => boolean,
  ) {}

  /** @param dx, dy css pixels */
  drag(dx: number, dy: number): void {
    this.yaw = dx * TURN;
    this.tilt = dy * TURN;
    this.picture.orbit = turn(this.picture.orbit, this.yaw, this.tilt);
    this.stop();
    this.request = requestAnimationFrame(() => this.on());
  }

  stop(): void {
    cancelAnimationFrame(this.request);
  }

  private on(): void {
    if (!this.motion() || Math.hypot(this.yaw, this.tilt) < STILL) return;
    this.picture.orbit = turn(this.picture.orbit, this.yaw, this.tilt);
    this.yaw *= DAMPING;
    this.tilt *= DAMPING;
    this.request = requestAnimationFrame(() => this.on());
  }
}
