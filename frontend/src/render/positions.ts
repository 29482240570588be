import type { Grid } from './layout';

/** The projected points of all heads at one step. */
export interface StepPoints {
  /** Tells steps, frames and projections apart. */
  readonly id: string;
  /** A layer: float32 [heads, queries + keys, dims] as it came from the server, or null while it is missing. */
  readonly layers: readonly (Float32Array | null)[];
}

interface Slot {
  id: string;
  readonly buffer: WebGLBuffer;
  /** What lies in the buffer, layer by layer. */
  layers: (Float32Array | null)[];
  bytes: number;
  used: number;
}

/** Two steps are being mixed; the third slot keeps the one just left, or takes the one to come. */
const SLOTS = 3;

/** The steps that lie on the GPU. Moving between them uploads nothing. */
export class Positions {
  private readonly slots: Slot[] = [];
  private clock = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /** The step's vertex buffer, with every layer that has arrived since the last call uploaded to its place. */
  buffer(step: StepPoints, grid: Grid, floatsPerHead: number): WebGLBuffer {
    const { gl } = this;
    const bytes = Math.max(4, 4 * floatsPerHead * grid.total);
    const slot = this.slots.find(({ id }) => id === step.id) ?? this.oldest();
    slot.used = ++this.clock;
    gl.bindBuffer(gl.ARRAY_BUFFER, slot.buffer);
    if (slot.id !== step.id || slot.bytes !== bytes) {
      if (slot.bytes !== bytes) gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.DYNAMIC_DRAW);
      slot.id = step.id;
      slot.bytes = bytes;
      slot.layers = [];
    }
    step.layers.forEach((points, layer) => {
      if (!points || slot.layers[layer] === points) return;
      gl.bufferSubData(gl.ARRAY_BUFFER, 4 * floatsPerHead * (grid.first[layer] ?? 0), points);
      slot.layers[layer] = points;
    });
    return slot.buffer;
  }

  destroy(): void {
    for (const { buffer } of this.slots) this.gl.deleteBuffer(buffer);
    this.slots.length = 0;
  }

  private oldest(): Slot {
    if (this.slots.length < SLOTS) {
      const slot: Slot = { id: '', buffer: this.gl.createBuffer(), layers: [], bytes: 0, used: 0 };
      this.slots.push(slot);
      return slot;
    }
    return this.slots.reduce((a, b) => (a.used < b.used ? a : b));
  }
}
