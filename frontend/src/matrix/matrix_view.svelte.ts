import { type Camera, fly, type View } from '../render/camera';
import { GAP, LEGIBLE } from '../render/layout';
import { Morph } from '../render/morph.svelte';
import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import { mapped, numbers, type Settings, settings } from '../run/setting';

/** Milliseconds of a flight to another part of the matrix. */
const FLIGHT = 300;

/** Which part of the matrix is in view; one for all matrices that stand side by side. */
export class MatrixView implements Feature {
  /** The user's own view; null while all heads are shown. */
  chosen = $state.raw<View | null>(null);
  readonly settings: Settings = settings<MatrixView>(this, {
    chosen: mapped(
      numbers(3, 3),
      ([x = 0, y = 0, span = 0]): View | undefined => (span > 0 ? { x, y, span } : undefined),
      ({ x, y, span }) => [x, y, span],
    ).as('view'),
  });
  /** The head under the pointer, which all of them mark. */
  pointed = $state.raw<HeadPlace | null>(null);
  /** What the first one is drawn with; null before it is. */
  camera = $state.raw<Camera | null>(null);
  /** Numbers of the heads that the first one has in view. */
  visible = $state.raw<Uint32Array>(new Uint32Array(0));
  /** Whether its cells are too small for points or maps: each is a tile of its tint. */
  readonly tiled: boolean = $derived(this.camera !== null && (1 - GAP) * this.camera.scale < LEGIBLE);
  private start: View | null = null;
  private readonly morph: Morph;

  /** @param motion whether moves may be animated */
  constructor(motion: () => boolean) {
    this.morph = new Morph(motion, FLIGHT);
  }

  readonly flying: boolean = $derived.by(() => this.morph.active);

  get busy(): boolean {
    return this.flying;
  }

  /** What is seen at this moment.
   * @param whole the view of all heads */
  at(whole: View): View {
    const { active, share } = this.morph;
    const end = this.chosen ?? whole;
    return active && this.start ? fly(this.start, end, share) : end;
  }

  /** Goes there smoothly, from where the view is. */
  flyTo(view: View | null, whole: View): void {
    const start = this.at(whole);
    this.chosen = view;
    this.start = start;
    this.morph.begin();
  }

  /** Goes there at once. */
  go(view: View | null): void {
    this.morph.stop();
    this.chosen = view;
  }
}
