import type { Size } from '../base/size';
import {
  type Camera,
  cameraOf,
  hold,
  overview,
  reveal,
  toScreen,
  toWorld,
  viewOf,
  zoomAt,
} from '../render/camera';
import { cellOf, GAP, headAt, headNumber, headsWithin } from '../render/layout';
import type { HeadPlace } from '../run/head';
import type { Arrangement } from './arrangement.svelte';
import type { MatrixView } from './matrix_view.svelte';

/** Free room around the cells, and what their axes take besides, in css pixels. */
const RIM = { left: 10, top: 8, right: 10, bottom: 8 };
const AXES = { left: 36, top: 16 };

interface Needs {
  readonly arrangement: Pick<Arrangement, 'extent' | 'grid'>;
  readonly matrixView: Pick<MatrixView, 'at' | 'chosen' | 'flying' | 'flyTo' | 'go'>;
}

/** Where one matrix is looked at from: within the world, from all heads to one that fills the room. */
export class MatrixCamera {
  width = $state(0);
  height = $state(0);

  constructor(private readonly session: Needs) {}

  readonly size: Size = $derived({ width: this.width, height: this.height });
  readonly margins = $derived.by(() => {
    const { axes } = this.session.arrangement.extent;
    return { ...RIM, left: RIM.left + AXES.left * axes, top: RIM.top + AXES.top * axes };
  });
  private readonly whole: Camera = $derived.by(() =>
    overview(this.session.arrangement.extent, this.size, this.margins),
  );
  readonly now: Camera = $derived.by(() => {
    const { matrixView, arrangement } = this.session;
    const camera = cameraOf(matrixView.at(viewOf(this.whole, this.size)), this.size);
    if (matrixView.flying) return camera;
    return matrixView.chosen ? hold(camera, arrangement.extent, this.size, this.margins) : this.whole;
  });
  private readonly limits = $derived.by(() => {
    const { left, top } = this.margins;
    const most = (0.92 * Math.min(this.width - left, this.height - top)) / (1 - GAP);
    return [this.whole.scale, Math.max(this.whole.scale, most)] as const;
  });

  private last: Uint32Array = new Uint32Array(0);
  /** Numbers of the heads that are in view: the same array until others come into view, and not a new one at every pixel of a
   * drag. */
  readonly visible: Uint32Array = $derived.by(() => {
    const [left, top] = toWorld(this.now, 0, 0);
    const [right, bottom] = toWorld(this.now, this.width, this.height);
    const seen = headsWithin(this.session.arrangement.grid, left, top, right, bottom);
    const same = seen.length === this.last.length && seen.every((number, i) => number === this.last[i]);
    if (!same) this.last = seen;
    return this.last;
  });

  /** Takes a camera that a hand made, kept within the world; all heads, once it has zoomed out to them. */
  take(next: Camera): void {
    const { matrixView, arrangement } = this.session;
    const all = next.scale <= this.whole.scale * 1.001;
    const held = hold(next, arrangement.extent, this.size, this.margins);
    matrixView.go(all ? null : viewOf(held, this.size));
  }

  zoom(x: number, y: number, factor: number): void {
    this.take(zoomAt(this.now, x, y, factor, this.limits));
  }

  /** By keyboard there is no pointer: the view closes in on a head, or on the middle. */
  zoomOn(place: HeadPlace | null, factor: number): void {
    const cell = this.cell(place);
    if (!cell) {
      this.zoom(this.width / 2, this.height / 2, factor);
      return;
    }
    const [x, y] = toScreen(this.now, cell.x + cell.side / 2, cell.y + cell.side / 2);
    this.take(reveal(zoomAt(this.now, x, y, factor, this.limits), cell, this.size, this.margins));
  }

  showAll(): void {
    const { matrixView } = this.session;
    if (matrixView.chosen) matrixView.flyTo(null, viewOf(this.whole, this.size));
  }

  /** Flies to a head until its cell fills the room, and from there back to all. */
  flyTo(place: HeadPlace): void {
    const { arrangement, matrixView } = this.session;
    const cell = this.cell(place);
    if (!cell) return;
    const scale = this.limits[1];
    const { left, top } = this.margins;
    const middle = toWorld(this.now, (this.width + left) / 2, (this.height + top) / 2);
    const at = headAt(arrangement.grid, ...middle);
    if (this.now.scale > 0.95 * scale && at?.layer === place.layer && at.head === place.head) {
      this.showAll();
      return;
    }
    const [x, y] = [cell.x + cell.side / 2, cell.y + cell.side / 2];
    const near = { scale, x: this.width / 2 - x * scale, y: this.height / 2 - y * scale };
    const held = hold(near, arrangement.extent, this.size, this.margins);
    matrixView.flyTo(viewOf(held, this.size), viewOf(this.whole, this.size));
  }

  /** The least move that brings a head into view. */
  reveal(place: HeadPlace): void {
    const cell = this.cell(place);
    if (cell && this.session.matrixView.chosen) this.take(reveal(this.now, cell, this.size, this.margins));
  }

  private cell(place: HeadPlace | null): ReturnType<typeof cellOf> {
    const { grid } = this.session.arrangement;
    return place && cellOf(grid, headNumber(grid, place));
  }
}
