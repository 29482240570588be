import { describe, distanceOf, meanDistance, offsetMap, weightsOf } from '../images/reading';
import { type Patches, tokensOf } from '../probe/grids';
import type { TokenPlace } from './sentence.svelte';
import type { Session } from './session.svelte';

/** How attention lies over the image: as a colour, as transparency, or not at all. */
export type Shade = 'colour' | 'fade' | 'none';
/** What is drawn from patch to patch. */
export type Drawn = 'none' | 'arrows' | 'links';

/** The least weight of a link that is drawn, per cent. */
export const USUAL_LINKS = 10;

/** What the image view shows of the attention that the sentence view would show: the step, the head, the selection, what is
 * left out and what it is held against are the sentence's. */
export class ImageView {
  shade = $state<Shade>('colour');
  drawn = $state<Drawn>('none');
  /** Per cent. */
  least = $state(USUAL_LINKS);

  constructor(private readonly session: Session) {}

  /** The patches of the selected image; null where nothing is selected, what is no image, or where the head attends from one
   * list of tokens to another: the sentence view has both. */
  readonly patches: Patches | null = $derived.by(() => {
    const { selection, images, layerTokens, opened } = this.session;
    const tokens = layerTokens[opened?.layer ?? -1];
    return selection && tokens?.queries === tokens?.keys ? images.patches(selection.sequence) : null;
  });

  /** The tokens as the probe names them, also in the mean of all images. */
  readonly names: readonly string[] = $derived.by(() => {
    const { probe, selection } = this.session;
    return probe.value?.lists[selection?.list ?? 0]?.sequences[selection?.sequence ?? 0]?.tokens ?? [];
  });

  readonly weights: Float32Array | null = $derived.by(() => {
    const { patches } = this;
    const { weights } = this.session.sentence.pictured;
    return patches && weights?.length === patches.places.length ** 2 ? weights : null;
  });

  readonly selected: TokenPlace | null = $derived.by(() => this.session.sentence.selected);

  /** Of what is selected: what it gives to each token, or gets from each. [tokens] */
  readonly own: Float32Array | null = $derived.by(() => {
    const { weights, patches, selected } = this;
    return weights && patches && selected && weightsOf(weights, patches.places.length, selected);
  });

  /** The largest of them over the patches, where colours end. */
  readonly most: number = $derived.by(() => {
    const { own, patches } = this;
    if (!own || !patches) return 0;
    return own.reduce((most, weight, i) => (patches.places[i] ? Math.max(most, Math.abs(weight)) : most), 0);
  });

  readonly offsets: Float32Array | null = $derived.by(
    () => this.weights && this.patches && offsetMap(this.weights, this.patches),
  );

  /** Mean distances in patches, of the selected query and of all; null where weights are a difference. */
  readonly distances: { readonly query: number; readonly head: number } | null = $derived.by(() => {
    const { weights, patches, selected, session } = this;
    if (!weights || !patches || !selected || session.sentence.pictured.signed) return null;
    return { query: distanceOf(weights, patches, selected.token), head: meanDistance(weights, patches) };
  });

  /** What is selected, for a screen reader. */
  readonly said: string = $derived.by(() => {
    const { weights, patches, selected, names, session } = this;
    if (!patches || !selected) return '';
    return describe(weights, patches, names, selected, session.sentence.pictured.signed);
  });

  /** Goes so many rows down and columns to the right, as far as the image reaches; from a token without a place to the first patch. */
  walk(rows: number, columns: number): void {
    const { patches, selected } = this;
    if (!patches || !selected) return;
    const at = patches.places[selected.token] ?? [-rows, -columns];
    const held = (place: number, count: number) => Math.min(count - 1, Math.max(0, place));
    this.choose(held(at[0] + rows, patches.grid.rows), held(at[1] + columns, patches.grid.columns));
  }

  choose(row: number, column: number): void {
    const { patches, selected, session } = this;
    const token = patches ? tokensOf(patches)[row * patches.grid.columns + column] : undefined;
    if (token === undefined || token < 0) return;
    session.sentence.select({ side: selected?.side ?? 'query', token });
  }
}
