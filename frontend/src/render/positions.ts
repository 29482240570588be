import type { Grid } from './layout';

/** The projected points of all heads at one step. */
export interface StepPoints {
  /** Tells steps, frames and projections apart. */
  readonly id: string;
  /** A head, counted over all layers: float32 [queries + keys, dims], or null while it is missing. */
  readonly heads: readonly (Float32Array | null)[];
}

const split = new WeakMap<Float32Array, readonly Float32Array[]>();

/** The heads of a layer as it came from the server: views into it, the same ones each time. */
export function headsOf(layer: Float32Array, heads: number): readonly Float32Array[] {
  const known = split.get(layer);
  if (known) return known;
  const floats = layer.length / Math.max(1, heads);
  const made = Array.from({ length: heads }, (_, head) => layer.subarray(head * floats, (head + 1) * floats));
  split.set(layer, made);
  return made;
}

interface Slot {
  id: string;
  readonly buffer: WebGLBuffer;
  /** What lies in the buffer, head by head. */
  heads: (Float32Array | null)[];
  bytes: number;
  used: number;
}

/** The steps that lie on the GPU. Moving between them uploads nothing. */
export class Positions {
  private readonly slots: Slot[] = [];
  private clock = 0;

  /** @param places how many steps may lie there at once */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly places: number,
  ) {}

  /** The step's vertex buffer, with every head that has arrived since the last call uploaded to its place. */
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
      slot.heads = [];
    }
    for (let head = 0; head < grid.total; head++) {
      const points = step.heads[head];
      if (!points || slot.heads[head] === points) continue;
      // Heads that lie side by side in one layer's array go up in one call.
      let last = head;
      while (follows(points, step.heads[last + 1], last + 1 - head)) last++;
      const floats = floatsPerHead * (last + 1 - head);
      gl.bufferSubData(
        gl.ARRAY_BUFFER,
        4 * floatsPerHead * head,
        new Float32Array(points.buffer, points.byteOffset, floats),
      );
      for (let i = head; i <= last; i++) slot.heads[i] = step.heads[i] ?? null;
      head = last;
    }
    return slot.buffer;
  }

  clear(): void {
    for (const { buffer } of this.slots) this.gl.deleteBuffer(buffer);
    this.slots.length = 0;
  }

  private oldest(): Slot {
    if (this.slots.length < this.places) {
      const slot: Slot = { id: '', buffer: this.gl.createBuffer(), heads: [], bytes: 0, used: 0 };
      this.slots.push(slot);
      return slot;
    }
    return this.slots.reduce((a, b) => (a.used < b.used ? a : b));
  }
}

/** Whether `next` lies `count` heads behind `first` in the same array. */
function follows(first: Float32Array, next: Float32Array | null | undefined, count: number): boolean {
  return next?.buffer === first.buffer && next.byteOffset === first.byteOffset + count * first.byteLength;
}
