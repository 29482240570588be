import type { Camera } from '../render/camera';
import type { HeadPlace } from '../render/layout';

/** Which part of the matrix is in view; one for all matrices that stand side by side. */
export class MatrixView {
  /** The user's own camera; null while all heads are shown. */
  chosen = $state.raw<Camera | null>(null);
  /** The head under the pointer, which all of them mark. */
  pointed = $state.raw<HeadPlace | null>(null);
}
