import { type PointPatches, patchSize, ROOMIER } from '../render/patches';
import type { Feature } from '../run/feature';
import { Latest } from '../run/latest.svelte';
import type { TokenIndex } from '../run/places';
import type { DataSource } from '../run/source';
import type { Run } from '../run/types';
import { type Atlas, makeAtlas } from './atlas';
import { clearest } from './clearest';
import { type Box, rectangles } from './packing';
import { imageNumber, imagesOf } from './probe_images';

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly probe: { readonly value: TokenIndex | null };
    readonly source: Pick<DataSource, 'image'>;
  };
}

/** The probe's images: where their pixels and their patches are. */
export class Images implements Feature {
  readonly atlas = new Latest<Atlas | null>();
  private asked: string | null = null;

  /** @param wanted whether points of images are drawn as their patches */
  constructor(
    private readonly session: Needs,
    private readonly wanted: () => boolean,
  ) {}

  /** Whether the probe has images at all. */
  readonly any: boolean = $derived.by(() =>
    imagesOf(this.session.data.probe.value?.sequences ?? []).some((image) => image),
  );

  /** Of each token: left, top, right, bottom in the atlas. [tokens, 4] */
  private readonly ofTokens: Float32Array | null = $derived.by(() => {
    const index = this.session.data.probe.value;
    const atlas = this.atlas.value;
    return index && atlas && rectangles(index, atlas);
  });

  /** The same of each query, then each key. [queries + keys, 4] */
  private readonly ofPoints: Float32Array | null = $derived.by(() => {
    const { ofTokens } = this;
    const { queries = 0, keys = 0 } = this.session.data.run ?? {};
    if (!ofTokens) return null;
    const points = new Float32Array(4 * (queries + keys));
    points.set(ofTokens.subarray(0, 4 * queries));
    points.set(ofTokens.subarray(0, 4 * keys), 4 * queries);
    return points;
  });

  /** The patch of a point, in pixels of the atlas: left, top, right, bottom; null if it has none. */
  rectangle(point: number): readonly number[] | null {
    const found = this.ofPoints?.subarray(4 * point, 4 * point + 4);
    return found && (found[2] ?? 0) > (found[0] ?? 0) ? [...found] : null;
  }

  /** The side of a cell that holds as many marks as one of this side holds patches. */
  room(side: number): number {
    return this.drawn(side, 1) ? side / ROOMIER : side;
  }

  /** How a scene draws points as their patches; null where they are plain points.
   * @param side of a cell, css pixels, that shows so many points */
  drawn(side: number, count: number): PointPatches | null {
    const { atlas, ofPoints } = this;
    const size = patchSize(side, count);
    if (!this.wanted() || !atlas.value || !ofPoints || size === 0) return null;
    return { atlas: atlas.value.canvas, rectangles: ofPoints, size };
  }

  /** Where the image is that a list's tokens of a sequence lie in; null where there is none, or it is not here yet. */
  box(list: number, sequence: number): Box | null {
    const index = this.session.data.probe.value;
    return (index && this.atlas.value?.boxes[imageNumber(index, list, sequence)]) ?? null;
  }

  /** The sequence whose image shows most; 0 while that is not known. */
  clearest(): number {
    const count = this.session.data.probe.value?.sequences.length ?? 0;
    const { canvas, boxes } = this.atlas.value ?? { boxes: [] };
    return canvas ? clearest(canvas, boxes.slice(0, count)) : 0;
  }

  get busy(): boolean {
    return this.atlas.loading;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { run, probe, source } = this.session.data;
      const sequences = probe.value?.sequences;
      if (!run || run.error !== null || !sequences || !this.any) {
        this.asked = null;
        this.atlas.clear();
        return;
      }
      // Runs of one probe have the same images.
      const asked = run.probe ?? run.run;
      if (asked === this.asked) return;
      this.asked = asked;
      void this.atlas.load((signal) => makeAtlas(source, run.run, imagesOf(sequences), signal));
    });
  }
}
