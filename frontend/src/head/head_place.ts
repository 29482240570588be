import { START } from '../render/orbit';
import type { Focus } from '../run/focus.svelte';
import type { Axes } from '../shown/axes.svelte';
import type { HeadCamera } from './head_camera.svelte';

/** What a link says of the head view. Absent means the default. */
export interface HeadViewPlace {
  /** What is in the middle of it, across and down, and how many times as large as the whole. */
  readonly head_view?: string;
  /** Radians of turn and of tilt. */
  readonly turn?: string;
  /** Css pixels of its panel. */
  readonly panel?: number;
}

interface Needs {
  readonly headCamera: Pick<HeadCamera, 'framing' | 'orbit'>;
  /** Css pixels of the panel; null: its share. */
  panelWidth: number | null;
}

/** How far out of the picture, and into it, a link may lead. */
const FARTHEST = 100;
const ZOOMS = [0.5, 40] as const;

/** @param found the link's pairs */
export function readHeadView(found: ReadonlyMap<string, string>): HeadViewPlace {
  const view = numbers(found.get('head_view'), 3);
  const turn = numbers(found.get('turn'), 2);
  const panel = found.get('panel') ?? '';
  return {
    ...(view && { head_view: written(view) }),
    ...(turn && { turn: written(turn) }),
    ...(/^\d{1,5}$/.test(panel) && { panel: Number(panel) }),
  };
}

export function enterHeadView(place: HeadViewPlace, session: Needs): void {
  const [x = 0, y = 0, zoom = 1] = numbers(place.head_view, 3) ?? [];
  const [yaw, tilt] = numbers(place.turn, 2) ?? [];
  const { headCamera } = session;
  headCamera.framing =
    place.head_view === undefined ? null : { x, y, zoom: Math.min(ZOOMS[1], Math.max(ZOOMS[0], zoom)) };
  headCamera.orbit = yaw === undefined || tilt === undefined ? START : { yaw, tilt };
  session.panelWidth = place.panel ?? null;
}

export function placeOfHeadView({
  headCamera,
  panelWidth,
  focus: { opened },
  axes: { dims },
}: Needs & { focus: Pick<Focus, 'opened'>; axes: Pick<Axes, 'dims'> }): HeadViewPlace {
  if (!opened) return {};
  const { framing, orbit } = headCamera;
  return {
    ...(framing && { head_view: written([framing.x, framing.y, framing.zoom]) }),
    ...(dims === 3 && orbit !== START && { turn: written([orbit.yaw, orbit.tilt]) }),
    ...(panelWidth !== null && { panel: Math.round(panelWidth) }),
  };
}

/** So many numbers with `_` between them, or null. */
function numbers(text: string | undefined, count: number): number[] | null {
  const parts = (text ?? '')
    .split('_')
    .map((part) => (/^-?\d*\.?\d+$/.test(part) ? Number(part) : Number.NaN));
  return parts.length === count && parts.every((x) => Math.abs(x) <= FARTHEST) ? parts : null;
}

/** Four digits behind the point: less than a pixel, far into the picture too. */
function written(values: readonly number[]): string {
  return values.map((value) => String(Number(value.toFixed(4)))).join('_');
}
