import { type Drawn, type ImageView, type Shade, USUAL_LINKS } from './image_view.svelte';

/** What a link says of the image view. Absent means the default. */
export interface ImageViewPlace {
  readonly shade?: 'fade' | 'none';
  readonly drawn?: 'arrows' | 'links';
  /** The least weight of a link, per cent. */
  readonly links_from?: number;
}

/** The greatest choice of the least weight, per cent. */
export const MOST_LINKS = 50;

const SHADES = ['fade', 'none'] as const satisfies readonly Shade[];
const DRAWN = ['arrows', 'links'] as const satisfies readonly Drawn[];

/** @param found the link's pairs */
export function readImageView(found: ReadonlyMap<string, string>): ImageViewPlace {
  const shade = SHADES.find((name) => name === found.get('shade'));
  const drawn = DRAWN.find((name) => name === found.get('drawn'));
  const from = found.get('links_from') ?? '';
  return {
    ...(shade && { shade }),
    ...(drawn && { drawn }),
    ...(/^\d{1,2}$/.test(from) && Number(from) <= MOST_LINKS && { links_from: Number(from) }),
  };
}

export function enterImageView(place: ImageViewPlace, view: ImageView): void {
  view.shade = place.shade ?? 'colour';
  view.drawn = place.drawn ?? 'none';
  view.least = place.links_from ?? USUAL_LINKS;
}

export function placeOfImageView({ shade, drawn, least }: ImageView): ImageViewPlace {
  return {
    ...(shade !== 'colour' && { shade }),
    ...(drawn !== 'none' && { drawn }),
    ...(least !== USUAL_LINKS && { links_from: least }),
  };
}
