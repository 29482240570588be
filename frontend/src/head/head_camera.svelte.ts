import type { Framing } from '../render/framing';
import { type Orbit, START } from '../render/orbit';

/** How the opened head is looked at. */
export class HeadCamera {
  /** The part of the picture that the user has chosen; null: all of it. */
  framing = $state.raw<Framing | null>(null);
  /** The turn of a 3-D picture. */
  orbit = $state.raw<Orbit>(START);

  reset(): void {
    this.framing = null;
    this.orbit = START;
  }
}
