import type { TokenIndex } from '../run/places';
import type { Sequence, TokensOf } from '../run/types';

/** An image of the probe: of a sequence, or of its other side. */
export interface ProbeImage {
  readonly sequence: number;
  readonly side: TokensOf;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

const SIDES = ['tokens', 'key_tokens'] as const;

/** All by their numbers: those of the sequences, then those of their other sides; null where there is none. */
export function imagesOf(sequences: readonly Sequence[]): readonly (ProbeImage | null)[] {
  return SIDES.flatMap((side) =>
    sequences.map((entry, sequence) => {
      const image = (side === 'tokens' ? entry : entry.key_tokens)?.image;
      return image ? { sequence, side, ...image } : null;
    }),
  );
}

/** The number of the image that a list's tokens of a sequence lie in, if they lie in any. */
export function imageNumber({ lists, sequences }: TokenIndex, list: number, sequence: number): number {
  return SIDES.indexOf(lists[list]?.of ?? 'tokens') * sequences.length + sequence;
}
