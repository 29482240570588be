/** A list of 4-vectors, or of one or two bytes each, that shaders read with texelFetch. Rows of a fixed width keep long lists
 * inside every driver's texture limit; `texel()` in GLSL finds item i. */
export const TEXEL_GLSL = `
vec4 texel(highp sampler2D list, int i) { return texelFetch(list, ivec2(i & 4095, i >> 12), 0); }
`;
const WIDTH = 4096;
/** Items that fit into a texture of 4096 × 4096, which WebGL 2 has on every computer that we know of. */
export const MOST_TEXELS = WIDTH * 4096;

export class Texels {
  private readonly texture: WebGLTexture;
  private held: Float32Array | Uint8Array | null = null;

  /** @param channels numbers of an item; fewer than four are bytes */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly channels: 1 | 2 | 4 = 4,
  ) {
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** Whether binding it would upload nothing. */
  holds(list: Float32Array | Uint8Array): boolean {
    return list === this.held;
  }

  /** Binds the list to a texture unit; uploads it only when it is another array than the last one. */
  bind(unit: number, list: Float32Array | Uint8Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (list === this.held) return;
    const { channels } = this;
    const items = Math.max(1, list.length / channels);
    const width = Math.min(WIDTH, items); // a short list is one row of its own length
    const rows = Math.ceil(items / WIDTH);
    const whole = width * rows * channels;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    if (list instanceof Float32Array) {
      const padded = list.length === whole ? list : new Float32Array(whole);
      if (padded !== list) padded.set(list);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, rows, 0, gl.RGBA, gl.FLOAT, padded);
    } else {
      const padded = list.length === whole ? list : new Uint8Array(whole);
      if (padded !== list) padded.set(list);
      const [internal, format] = {
        1: [gl.R8, gl.RED] as const,
        2: [gl.RG8, gl.RG] as const,
        4: [gl.RGBA8, gl.RGBA] as const,
      }[channels];
      gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, rows, 0, format, gl.UNSIGNED_BYTE, padded);
    }
    this.held = list;
  }

  destroy(): void {
    this.gl.deleteTexture(this.texture);
  }
}
