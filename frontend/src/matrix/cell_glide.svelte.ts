import { untrack } from 'svelte';
import { type Grid, glide } from '../render/layout';
import { Morph } from '../render/morph.svelte';
import { type Extent, extentOf, mixExtents } from './extent';

/** Milliseconds in which cells glide to their new places. */
const GLIDE = 250;

/** Cells on their way from where they were to where a grid has them now. */
export class CellGlide {
  private readonly morph: Morph;
  private from: Float32Array | null = null;
  private fromExtent: Extent | null = null;
  private last: Grid | null = null;

  /** @param motion whether anything may be animated; without it cells are there at once */
  constructor(
    private readonly grid: () => Grid,
    motion: () => boolean,
  ) {
    this.morph = new Morph(motion, GLIDE);
  }

  get active(): boolean {
    return this.morph.active;
  }

  /** Where the cells are at this moment. [heads, 4] */
  get rects(): Float32Array {
    const { from } = this;
    const { rects } = this.grid();
    const { active, share } = this.morph;
    return active && from?.length === rects.length ? glide(from, rects, share) : rects;
  }

  /** What is all of the matrix at this moment. Axes stand beside rows of layers only; `axes` is how far they are there, in
   * [0, 1]. */
  get extent(): Extent {
    const { fromExtent: from } = this;
    const to = extentOf(this.grid());
    const { active, share } = this.morph;
    return active && from ? mixExtents(from, to, share) : to;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const grid = this.grid();
      untrack(() => this.glideTo(grid));
    });
    $effect(() => () => this.morph.stop());
  }

  /** Cells go from where they are at this moment. */
  private glideTo(grid: Grid): void {
    const { last, from, fromExtent, morph } = this;
    if (last === grid) return;
    const { active, share } = morph;
    const now = last && (active && from ? glide(from, last.rects, share) : last.rects);
    const extent =
      last && (active && fromExtent ? mixExtents(fromExtent, extentOf(last), share) : extentOf(last));
    this.last = grid;
    morph.stop();
    if (now?.length !== grid.rects.length || now.every((value, i) => value === grid.rects[i])) return;
    this.from = now;
    this.fromExtent = extent;
    morph.begin();
  }
}
