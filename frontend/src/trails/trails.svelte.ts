import type { PointStyles } from '../encoding/point_styles.svelte';
import type { Marks } from '../find/marks.svelte';
import type { Playback } from '../playback/playback.svelte';
import { pointBudget } from '../render/budget';
import { trailsThrough } from '../render/corners';
import type { Trails as Drawn } from '../render/picture';
import type { Feature } from '../run/feature';
import { choice, type Settings, settings } from '../run/setting';
import type { Axes } from '../shown/axes.svelte';
import type { ShownSteps } from '../shown/shown.svelte';

/** Whose trails there are, and at which step. */
interface Needs {
  readonly marks: Pick<Marks, 'group'>;
  readonly styles: Pick<PointStyles, 'selected'>;
  readonly axes: Pick<Axes, 'slow'>;
  readonly playback: Pick<Playback, 'steps' | 'from' | 'to'>;
}

/** How many checkpoints back trails go, as the user may choose. */
export const LENGTHS = [0, 3, 8, 16, 'all'] as const;
export type Length = (typeof LENGTHS)[number];
export const USUAL_LENGTH: Length = 8;

/** A scene that trails can lie in. */
type Scene = Pick<ShownSteps, 'pair' | 'stale' | 'morph' | 'held'>;

/** What “all” means: lines through more corners than this are a scribble. */
const MOST = 64;
/** More trails than these are a bundle that nobody can follow: of more points a sample is drawn. */
const MOST_POINTS = 120;
/** A stretch of a trail costs about so many points. */
const PRICE = 4;

/** Whose way over the last checkpoints is drawn, and how far back. */
export class Trails implements Feature {
  length = $state<Length>(USUAL_LENGTH);
  readonly settings: Settings = settings<Trails>(this, { length: choice(LENGTHS).as('trail') });

  constructor(private readonly session: Needs) {}

  /** Whether anything is selected that could leave a trail. */
  readonly possible: boolean = $derived.by(() => this.points.length > 0);

  /** The selected token's query and key, then the marked points. */
  readonly points: readonly number[] = $derived.by(() => {
    const { marks, styles } = this.session;
    return [...styles.selected, ...(marks.group?.points ?? [])];
  });

  /** Those whose trails are drawn: the selected token's, and of many marked points a sample, evenly through all of them. */
  readonly drawn: readonly number[] = $derived.by(() => {
    const { points } = this;
    if (points.length <= MOST_POINTS) return points;
    const selected = this.session.styles.selected.length;
    const [rest, room] = [points.slice(selected), MOST_POINTS - selected];
    const sample = Array.from({ length: room }, (_, i) => rest[Math.floor((i * rest.length) / room)] ?? 0);
    return [...points.slice(0, selected), ...sample];
  });

  /** Numbers of the checkpoints before the shown one that trails come through, the nearest first. */
  readonly before: readonly number[] = $derived.by(() => {
    const { from } = this.session.playback;
    if (!this.possible) return [];
    const count = Math.min(from, this.length === 'all' ? MOST : this.length);
    return Array.from({ length: count }, (_, i) => from - 1 - i);
  });

  /** Those that are asked for. Slow pictures are not made for a trail: it goes through those that are here. */
  readonly wanted: readonly number[] = $derived.by(() => (this.session.axes.slow ? [] : this.before));

  next(): void {
    this.length = LENGTHS[(LENGTHS.indexOf(this.length) + 1) % LENGTHS.length] ?? USUAL_LENGTH;
  }

  /** A scene's trails, for as many points as it can draw; null while it shows something else than it is asked to. */
  of(scene: Scene, rects: Float32Array, heads: Uint32Array, styles: Uint8Array): Drawn | null {
    const { pair } = scene;
    const { from, to } = this.session.playback;
    if (!pair || this.before.length === 0 || scene.stale || scene.morph.active) return null;
    const { steps } = this.session.playback;
    if (pair.fromStep !== steps[from] || pair.toStep !== steps[to]) return null;
    const earlier = this.before.toReversed().map((index) => scene.held(index));
    const through = [...earlier.filter((held) => held.some(Boolean)), pair.from.heads, pair.to.heads];
    if (through.length < 3) return null;
    const room = Math.floor(pointBudget() / PRICE / (through.length * Math.max(1, heads.length)));
    const points = this.drawn.slice(0, Math.max(2, room));
    return trailsThrough(through, heads, points, { rects, dims: pair.dims, styles });
  }
}
