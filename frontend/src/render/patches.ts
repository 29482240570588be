/** Points drawn as their own patches of an image, all from one texture. */

/** Where the patches are, and how large they are drawn. */
export interface PointPatches {
  readonly atlas: HTMLCanvasElement;
  /** Left, top, right, bottom of each point's patch in pixels of the atlas; zeros: it has none, and stays a plain mark.
   * [queries + keys, 4] */
  readonly rectangles: Float32Array;
  /** Css pixels of a side. */
  readonly size: number;
}

/** Css pixels of the smallest patch in which something can be seen, and of the largest. */
const LEAST = 9;
const MOST = 72;
/** Css pixels of a cell from which on it has room for patches, and how many times as much a patch needs along a side as a
 * mark: cells show fewer points as patches. */
const ROOM = 64;
export const ROOMIER = 3;
/** Patches overlap: of their own share of the cell, each takes this much of a side. */
const SHARE = 1.2;
/** How much of half a side a key's cut corners take: by their shape, too, keys are told from queries. */
export const CUT = 0.5;
/** Of a patch's side, its frame, and css pixels that it takes at most. */
export const FRAME = 0.11;
export const MOST_FRAME = 3;

/** For a cell of this side that shows so many points; 0: there is no room for patches. */
export function patchSize(side: number, count: number): number {
  if (side < ROOM) return 0;
  return Math.min(MOST, Math.max(LEAST, (SHARE * side) / Math.sqrt(Math.max(1, count))));
}

export const PATCH_VERTEX = `
uniform highp sampler2D u_patches; // a point: left, top, right, bottom in the atlas
uniform float u_patchSize;
flat out vec4 v_part;
flat out float v_detail;           // which of the atlas's smaller copies is sharp enough
flat out float v_fog;
flat out float v_frame;
`;

/** A square, or one with its corners cut, in a frame of the point's colour. */
export const PATCH_FRAGMENT = `
uniform sampler2D u_atlas;
uniform vec3 u_fog;
flat in vec4 v_part;
flat in float v_detail;
flat in float v_fog;
flat in float v_frame;

vec4 pictured(vec2 p, float half_, bool key) {
  vec2 far = abs(p);
  float inside = half_ - max(far.x, far.y);
  if (key) inside = min(inside, 0.7071 * (${(2 - CUT).toFixed(3)} * half_ - far.x - far.y));
  vec2 size = v_part.zw - v_part.xy;
  vec2 rim = min(vec2(0.5 * exp2(v_detail)), 0.5 * size); // or neighbours would bleed in
  vec2 at = clamp(v_part.xy + size * (0.5 + 0.5 * p / half_), v_part.xy + rim, v_part.zw - rim);
  vec3 seen = textureLod(u_atlas, at / vec2(textureSize(u_atlas, 0)), v_detail).rgb;
  vec4 inner = vec4(mix(seen, u_fog, v_fog) * v_colour.a, v_colour.a);
  float framed = clamp(v_frame - inside + 0.5, 0.0, 1.0);
  return mix(inner, v_colour, framed) * clamp(inside + 0.5, 0.0, 1.0);
}
`;

/** The atlas on the GPU: whole pixels where patches are enlarged, smaller copies where they are made smaller. */
export class AtlasTexture {
  private readonly texture: WebGLTexture;
  private held: HTMLCanvasElement | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  /** Uploads it only when it is another canvas than the last one. */
  bind(unit: number, atlas: HTMLCanvasElement): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (atlas === this.held) return;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, atlas);
    gl.generateMipmap(gl.TEXTURE_2D);
    this.held = atlas;
  }

  destroy(): void {
    this.gl.deleteTexture(this.texture);
  }
}
