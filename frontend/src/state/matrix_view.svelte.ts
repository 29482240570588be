import type { Camera } from '../render/camera';

/** Which part of the matrix is in view; one for all matrices that stand side by side. */
export class MatrixView {
  /** The user's own camera; null while all heads are shown. */
  chosen = $state.raw<Camera | null>(null);
  /** What is drawn with; null before the matrix is. */
  camera = $state.raw<Camera | null>(null);
}
