import type { Framing } from '../render/framing';
import { type Orbit, START } from '../render/orbit';
import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import { mapped, numbers, type Settings, settings, whole } from '../run/setting';
import type { Axes } from '../shown/axes.svelte';

/** How far out of the picture a link may lead. */
const FARTHEST = 100;
/** How small and how large a head is shown, in times of all of its frame: at the smallest, what lies up to ten frames out is where
 * it is. */
export const ZOOMS = [0.1, 40] as const;
/** Four digits behind the point: less than a pixel, far into the picture too. */
const DIGITS = 4;

interface Needs {
  readonly focus: Pick<Focus, 'opened'>;
  readonly axes: Pick<Axes, 'dims'>;
}

/** How the opened head is looked at. */
export class HeadCamera implements Feature {
  /** The part of the picture that the user has chosen; null: all of it. */
  framing = $state.raw<Framing | null>(null);
  /** The turn of a 3-D picture. */
  orbit = $state.raw<Orbit>(START);
  /** Css pixels of the head view's panel, once the user has chosen; else it takes its share. */
  panelWidth = $state<number | null>(null);
  readonly settings: Settings = settings<HeadCamera>(
    this,
    {
      framing: mapped(
        numbers(3, DIGITS, FARTHEST),
        ([x = 0, y = 0, zoom = 1]): Framing => ({
          x,
          y,
          zoom: Math.min(ZOOMS[1], Math.max(ZOOMS[0], zoom)),
        }),
        ({ x, y, zoom }) => [x, y, zoom],
      ).as('head_view'),
      orbit: mapped(
        numbers(2, DIGITS, FARTHEST),
        ([yaw = 0, tilt = 0]): Orbit => ({ yaw, tilt }),
        ({ yaw, tilt }) => [yaw, tilt],
      )
        .as('turn')
        .when(() => this.session.axes.dims === 3),
      panelWidth: mapped(whole(99_999), (width): number => width, Math.round).as('panel'),
    },
    () => this.session.focus.opened !== null,
  );

  constructor(private readonly session: Needs) {}

  enter(): void {
    if (this.session.focus.opened === null) this.reset();
  }

  reset(): void {
    this.framing = null;
    this.orbit = START;
  }
}
