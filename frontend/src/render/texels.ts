/** A list of 4-vectors that shaders read with texelFetch. Rows of a fixed width keep long lists inside every
 * driver's texture limit; `texel()` in GLSL finds item i. */
export const TEXEL_GLSL = `
vec4 texel(highp sampler2D list, int i) { return texelFetch(list, ivec2(i & 1023, i >> 10), 0); }
`;
const WIDTH = 1024;

export class Texels {
  private readonly texture: WebGLTexture;
  private held: Float32Array | Uint8Array | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** Binds the list to a texture unit; uploads it only when it is another array than the last one. */
  bind(unit: number, list: Float32Array | Uint8Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (list === this.held) return;
    const rows = Math.max(1, Math.ceil(list.length / 4 / WIDTH));
    if (list instanceof Float32Array) {
      const padded = new Float32Array(4 * WIDTH * rows);
      padded.set(list);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, WIDTH, rows, 0, gl.RGBA, gl.FLOAT, padded);
    } else {
      const padded = new Uint8Array(4 * WIDTH * rows);
      padded.set(list);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, WIDTH, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, padded);
    }
    this.held = list;
  }

  destroy(): void {
    this.gl.deleteTexture(this.texture);
  }
}
